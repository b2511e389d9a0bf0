#include "server/bounces/mail/forwarding.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "server/bounces/mail/notice_patterns.h"
#include "server/bounces/mail/written_address.h"

namespace suppressd {
namespace {

// How far in front of "(generated from ...)" the address may stand, in bytes.
constexpr size_t kReachBytesMax = 400;

// The last address of a text that ends where its origin is told; an empty line ends what belongs together.
std::string LastAddress(absl::string_view text) {
  if (text.size() > kReachBytesMax) text = text.substr(text.size() - kReachBytesMax);
  const size_t paragraph = text.rfind("\n\n");
  if (paragraph != absl::string_view::npos) text = text.substr(paragraph + 2);
  std::vector<std::string> addresses = AddressesIn(text);
  return addresses.empty() ? "" : std::move(addresses.back());
}

}  // namespace

Forwardings::Forwardings(absl::string_view text) {
  const auto add = [this](const std::string& to, const std::string& from) {
    if (!to.empty() && !from.empty() && !absl::EqualsIgnoreCase(to, from)) {
      sources_.emplace_back(absl::AsciiStrToLower(to), from);
    }
  };
  re2::StringPiece rest = Piece(text);
  re2::StringPiece words;
  re2::StringPiece from;
  re2::StringPiece to;
  while (sources_.size() < kForwardingsMax && RE2::FindAndConsume(&rest, OriginPattern(), &words, &from)) {
    add(LastAddress(text.substr(0, words.data() - text.data())), WrittenAddress(text, from));
  }
  rest = Piece(text);
  while (sources_.size() < kForwardingsMax && RE2::FindAndConsume(&rest, ForwardPattern(), &from, &to)) {
    add(WrittenAddress(text, to), WrittenAddress(text, from));
  }
}

std::string Forwardings::MailedFor(absl::string_view address) const {
  constexpr int kHopsMax = 5;
  std::string mailed(address);
  for (int hop = 0; hop < kHopsMax; ++hop) {
    const auto source = std::find_if(sources_.begin(), sources_.end(),
                                     [&](const auto& one) { return absl::EqualsIgnoreCase(one.first, mailed); });
    if (source == sources_.end()) break;
    mailed = source->second;
  }
  return mailed;
}

}  // namespace suppressd
