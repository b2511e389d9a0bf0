// Pins on the change log: who is going to read it from a revision on, so that trimming leaves it alone for that long.
//
//   ChangePin pin = pins.Add(revision, until_micros);   // changes after `revision` stay ...
//   pin.Move(later_revision, until_micros);             // ... then only those after this one ...
//   pin.Release();                                      // ... then all may go; so it is when the pin is destroyed
//
// A pin ends by itself at its time, so that a reader that never comes back does not keep the log forever. There is no
// clock in here: the time is that of the commands that are applied.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace suppressd {

class ChangePins;

// One pin; movable. Not thread-safe. Its ChangePins must outlive it.
class ChangePin {
 public:
  ChangePin() = default;
  ChangePin(ChangePin&& other) noexcept { *this = std::move(other); }
  ChangePin& operator=(ChangePin&& other) noexcept;
  ~ChangePin() { Release(); }

  // From now on pins the changes after `revision`, until this time. Nothing when it holds no pin.
  void Move(uint64_t revision, int64_t until_micros);
  // Pins nothing any more.
  void Release();

 private:
  friend class ChangePins;
  ChangePin(ChangePins* pins, uint64_t id) : pins_(pins), id_(id) {}

  ChangePins* pins_ = nullptr;  // null: holds no pin
  uint64_t id_ = 0;
};

// All pins of a store. Thread-safe.
class ChangePins {
 public:
  // Pins the changes after `revision`, until this time.
  ChangePin Add(uint64_t revision, int64_t until_micros);

  // The oldest revision that a pin which still counts at this time stands at; nothing when there is none. Pins whose
  // time has come are forgotten.
  std::optional<uint64_t> Oldest(int64_t now_micros);

 private:
  friend class ChangePin;
  struct Pin {
    uint64_t revision = 0;
    int64_t until_micros = 0;
  };

  absl::Mutex mutex_;
  uint64_t next_id_ ABSL_GUARDED_BY(mutex_) = 1;
  std::map<uint64_t, Pin> pins_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace suppressd
