// Which files of the configuration were read again, and whether their newest version could be used.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace suppressd {

// One per process. Thread-safe.
class Reloads {
 public:
  static Reloads& Get() {
    static Reloads& reloads = *new Reloads;
    return reloads;
  }
  // `file`: the name of its option.
  void Note(const std::string& file, bool ok) {
    absl::MutexLock lock(&mutex_);
    files_[file] = ok;
  }
  std::vector<std::pair<std::string, bool>> All() const {
    absl::MutexLock lock(&mutex_);
    return {files_.begin(), files_.end()};
  }

 private:
  mutable absl::Mutex mutex_;
  std::map<std::string, bool> files_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace suppressd
