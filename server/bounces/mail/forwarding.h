// Who was mailed, where a notice names whom that was forwarded or expanded to: "bob@new.example (generated from
// jo@old.example)". We sent to the one before; what the other says is his.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace suppressd {

// Most forwardings read of one notice.
inline constexpr size_t kForwardingsMax = 1'000;

// Thread-safe once built.
class Forwardings {
 public:
  Forwardings() = default;
  // Reads a notice.
  explicit Forwardings(absl::string_view text);

  bool empty() const { return sources_.empty(); }

  // The address that was mailed; `address` itself where nothing is said of it. Letter case does not matter.
  std::string MailedFor(absl::string_view address) const;

 private:
  std::vector<std::pair<std::string, std::string>> sources_;  // where to (lower case), and from where
};

}  // namespace suppressd
