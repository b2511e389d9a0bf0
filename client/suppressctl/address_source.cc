#include "client/suppressctl/address_source.h"

#include "absl/strings/ascii.h"

namespace suppressd::suppressctl {

bool AddressSource::Next(std::string* address) {
  while (next_ < words_.size()) {
    if (words_[next_] != "-") {
      *address = words_[next_++];
      return true;
    }
    if (NextLine(address)) return true;
    ++next_;
  }
  return false;
}

bool AddressSource::NextLine(std::string* address) {
  while (std::getline(in_, *address)) {
    absl::StripAsciiWhitespace(address);
    // The service refuses a longer one, and a batch of them would outgrow its message.
    if (address->size() > kGivenAddressBytesMax + 1) address->resize(kGivenAddressBytesMax + 1);
    if (!address->empty() && address->front() != '#') return true;
  }
  return false;
}

}  // namespace suppressd::suppressctl
