#include "storage/keys.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace suppressd {
namespace {

constexpr char kSeparator = '\0';
constexpr size_t kNumberBytes = 8;
constexpr uint64_t kLaterEvent = uint64_t{1} << 63;
constexpr int kEventIndexBits = 12;
constexpr char kAuditRecord = 'r';
constexpr char kAuditText = 't';
constexpr char kAuditEntry = 'e';

uint64_t ReadNumber(absl::string_view bytes) {
  uint64_t number = 0;
  for (size_t i = 0; i < kNumberBytes; ++i) number = number << 8 | static_cast<uint8_t>(bytes[i]);
  return number;
}

int64_t RevertTime(uint64_t inverted) {
  return static_cast<int64_t>(~inverted ^ (uint64_t{1} << 63));
}

void AppendPart(absl::string_view part, std::string* key) {
  key->append(part.data(), part.size());
}

}  // namespace

void AppendNumber(uint64_t number, std::string* key) {
  for (int shift = 56; shift >= 0; shift -= 8) key->push_back(static_cast<char>(number >> shift));
}

// Times before 1970 (never written by us) would sort wrongly without the offset.
uint64_t InvertTime(int64_t micros) {
  return ~(static_cast<uint64_t>(micros) ^ (uint64_t{1} << 63));
}

std::string EntryName::Address() const {
  return absl::StrCat(local_part, "@", domain);
}

void EntryKeyTo(const EntryName& name, std::string* key) {
  key->clear();
  AppendPart(name.tenant, key);
  key->push_back(kSeparator);
  AppendPart(name.domain, key);
  key->push_back(kSeparator);
  AppendPart(name.local_part, key);
}

std::string EntryKey(const EntryName& name) {
  std::string key;
  key.reserve(name.tenant.size() + name.domain.size() + name.local_part.size() + 2);
  EntryKeyTo(name, &key);
  return key;
}

bool ParseEntryKey(absl::string_view key, EntryName* name) {
  const size_t first = key.find(kSeparator);
  if (first == absl::string_view::npos) return false;
  const size_t second = key.find(kSeparator, first + 1);
  if (second == absl::string_view::npos) return false;
  name->tenant = key.substr(0, first);
  name->domain = key.substr(first + 1, second - first - 1);
  name->local_part = key.substr(second + 1);
  return true;
}

std::string EntryPrefix(absl::string_view tenant, absl::string_view domain) {
  std::string prefix(tenant);
  prefix.push_back(kSeparator);
  if (!domain.empty()) {
    AppendPart(domain, &prefix);
    prefix.push_back(kSeparator);
  }
  return prefix;
}

std::string TimePrefix(absl::string_view tenant, v1::BounceReason kind) {
  std::string prefix(tenant);
  prefix.push_back(kSeparator);
  prefix.push_back(static_cast<char>(kind));
  return prefix;
}

std::string TimeSeekKey(absl::string_view tenant, v1::BounceReason kind, int64_t listed_at_micros) {
  std::string key = TimePrefix(tenant, kind);
  AppendNumber(InvertTime(listed_at_micros), &key);
  return key;
}

std::string TimeKey(const EntryName& name, v1::BounceReason kind, int64_t listed_at_micros) {
  std::string key = TimeSeekKey(name.tenant, kind, listed_at_micros);
  AppendPart(name.domain, &key);
  key.push_back(kSeparator);
  AppendPart(name.local_part, &key);
  return key;
}

bool ParseTimeKey(absl::string_view key, EntryName* name, int64_t* listed_at_micros) {
  const size_t tenant_end = key.find(kSeparator);
  if (tenant_end == absl::string_view::npos) return false;
  const size_t number = tenant_end + 2;
  if (key.size() < number + kNumberBytes) return false;
  *listed_at_micros = RevertTime(ReadNumber(key.substr(number)));
  const absl::string_view address = key.substr(number + kNumberBytes);
  const size_t domain_end = address.find(kSeparator);
  if (domain_end == absl::string_view::npos) return false;
  name->tenant = key.substr(0, tenant_end);
  name->domain = address.substr(0, domain_end);
  name->local_part = address.substr(domain_end + 1);
  return true;
}

uint64_t EventNumber(uint64_t revision, int index) {
  if (index == 0) return revision;
  return kLaterEvent | revision << kEventIndexBits | static_cast<uint64_t>(index);
}

uint64_t RevisionOfEvent(uint64_t number) {
  return (number & kLaterEvent) == 0 ? number : (number & ~kLaterEvent) >> kEventIndexBits;
}

std::string BounceKey(const EntryName& name, uint64_t number) {
  std::string key = EntryKey(name);
  key.push_back(kSeparator);
  AppendNumber(~number, &key);
  return key;
}

std::string RevisionKey(uint64_t revision) {
  std::string key;
  AppendNumber(revision, &key);
  return key;
}

uint64_t ParseRevisionKey(absl::string_view key) {
  return key.size() == kNumberBytes ? ReadNumber(key) : 0;
}

std::string AuditKey(uint64_t revision) {
  std::string key(1, kAuditRecord);
  AppendNumber(revision, &key);
  return key;
}

std::string AuditTextKey(uint64_t revision) {
  std::string key(1, kAuditText);
  AppendNumber(revision, &key);
  return key;
}

std::string AuditEntryPrefix(const EntryName& name) {
  return absl::StrCat(std::string(1, kAuditEntry), EntryKey(name), std::string(1, kSeparator));
}

std::string AuditEntryKey(const EntryName& name, uint64_t revision) {
  std::string key = AuditEntryPrefix(name);
  AppendNumber(revision, &key);
  return key;
}

uint64_t ParseAuditKey(absl::string_view key) {
  return key.size() > kNumberBytes ? ReadNumber(key.substr(key.size() - kNumberBytes)) : 0;
}

std::string RequestKey(absl::string_view tenant, absl::string_view request_key) {
  std::string key(tenant);
  key.push_back(kSeparator);
  AppendPart(request_key, &key);
  return key;
}

}  // namespace suppressd
