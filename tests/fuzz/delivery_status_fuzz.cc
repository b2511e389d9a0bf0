// Whatever a delivery status holds, what is read of it has the form that delivery_status.h promises.
#include <unistr.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/ascii.h"
#include "server/bounces/mail/delivery_status.h"
#include "tests/fuzz/check.h"

using suppressd::DeliveryStatus;
using suppressd::RecipientStatus;
using suppressd::StatusField;

namespace {

bool IsUtf8(absl::string_view text) {
  return u8_check(reinterpret_cast<const uint8_t*>(text.data()), text.size()) == nullptr;
}

bool IsLower(absl::string_view text) {
  return std::none_of(text.begin(), text.end(), absl::ascii_isupper);
}

bool IsStatus(absl::string_view status) {
  if (status.empty()) return true;
  const bool known =
      status.size() >= 5 && status.size() <= 9 && absl::string_view("245").find(status[0]) != status.npos;
  return known && std::count(status.begin(), status.end(), '.') == 2 && absl::ascii_isdigit(status.back()) &&
         status.find("..") == status.npos && status.find_first_not_of("0123456789.") == status.npos;
}

std::string CheckFields(absl::string_view text, bool utf8) {
  std::string all;
  for (const StatusField& field : suppressd::ReadStatusFields(text)) {
    FUZZ_CHECK(field.name.size() <= 64 && IsLower(field.name));
    FUZZ_CHECK(!field.name.empty() || field.value.empty());
    FUZZ_CHECK(field.value.size() <= 16'384 && field.value.find('\n') == std::string::npos);
    FUZZ_CHECK(!utf8 || IsUtf8(field.value));
    all += field.name + ":" + field.value + "\n";
  }
  return all;
}

std::string CheckRecipient(const RecipientStatus& one, bool utf8) {
  std::string all;
  for (const std::string* text : {&one.original_recipient, &one.final_recipient, &one.action, &one.status,
                                  &one.diagnostic_type, &one.diagnostic, &one.remote_mta}) {
    FUZZ_CHECK(!utf8 || IsUtf8(*text));
    all += *text + "\n";
  }
  FUZZ_CHECK(IsLower(one.action) && IsLower(one.diagnostic_type) && IsStatus(one.status));
  return all;
}

std::string CheckStatus(absl::string_view text, bool utf8) {
  const DeliveryStatus status = suppressd::ReadDeliveryStatus(text);
  FUZZ_CHECK(status.recipients.size() <= suppressd::kMailRecipientsMax);
  std::string all = status.reporting_mta + "\n" + status.original_envelope_id + "\n" + status.arrival_date + "\n";
  FUZZ_CHECK(!utf8 || IsUtf8(all));
  for (const RecipientStatus& one : status.recipients) all += CheckRecipient(one, utf8);
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const bool utf8 = IsUtf8(text);
  FUZZ_CHECK(CheckFields(text, utf8) == CheckFields(text, utf8));
  FUZZ_CHECK(CheckStatus(text, utf8) == CheckStatus(text, utf8));
  return 0;
}
