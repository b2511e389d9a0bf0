// Entries as a snapshot brings them, for lists too large to be held in memory.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "tests/testing/commands.h"
#include "tests/testing/fill_store.h"

namespace suppressd {

// Well mixed bytes of a number, always the same (SplitMix64).
inline uint64_t Mixed(uint64_t number) {
  number += 0x9e3779b97f4a7c15;
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9;
  number = (number ^ (number >> 27)) * 0x94d049bb133111eb;
  return number ^ (number >> 31);
}

// Entry `i` of `count`: one hard bounce some time within 400 days. Half of the reports tell themselves when it bounced,
// to the second; the others were made when it did.
inline stored::StoredEntry SnapshotEntry(int64_t i, int64_t count) {
  static const char* const kRules[] = {
      "no_such_user",     "smtp.5_1_1",    "mailbox.unknown", "gmail.no_such_user", "outlook.recipient_not_found",
      "account.disabled", "domain.null_mx"};
  static const char* const kSources[] = {"newsletter", "shop", "billing", "crm-import"};
  constexpr int64_t kSpanMicros = 400 * kMicrosPerDay;
  const uint64_t chance = Mixed(static_cast<uint64_t>(i));
  const int64_t after = static_cast<int64_t>(chance % kSpanMicros);
  const int64_t listed_at = Day(-400) + after;
  const bool tells = chance >> 63 != 0;
  const int64_t occurred_at =
      tells ? (listed_at / kMicrosPerSecond - static_cast<int64_t>(chance >> 48) % 5) * kMicrosPerSecond : listed_at;
  stored::StoredEntry entry;
  entry.set_revision(1 + static_cast<uint64_t>(static_cast<double>(after) / kSpanMicros * static_cast<double>(count)));
  v1::Suppression* suppression = entry.mutable_suppression();
  suppression->set_tenant("default");
  suppression->set_address(FilledAddress(i));
  *suppression->mutable_listed_at() = FromMicros(listed_at);
  *suppression->mutable_updated_at() = FromMicros(listed_at);
  v1::Cause* cause = suppression->add_causes();
  cause->set_type(v1::Cause::HARD_BOUNCE);
  cause->set_state(v1::Cause::ACTIVE);
  cause->set_reason(chance % 4 == 0 ? v1::MAILBOX_INACTIVE : v1::ADDRESS_NOT_FOUND);
  *cause->mutable_first_event_at() = FromMicros(occurred_at);
  *cause->mutable_last_event_at() = FromMicros(occurred_at);
  cause->set_event_count(1);
  cause->set_source(kSources[(chance >> 32) % std::size(kSources)]);
  cause->set_rule_id(kRules[(chance >> 40) % std::size(kRules)]);
  return entry;
}

// Gives the entries of a snapshot in key order, in parts as large as a chunk of the stream.
inline void ForEachPart(int64_t count, absl::FunctionRef<void(const std::vector<stored::StoredEntry>&)> load) {
  constexpr size_t kPartBytes = 256 << 10;
  std::vector<int64_t> domains;
  for (int64_t domain = 0; domain < std::min(count, kFilledDomains); ++domain) domains.push_back(domain);
  std::sort(domains.begin(), domains.end(), [](int64_t a, int64_t b) {
    return TargetOf(FilledAddress(a)).domain() < TargetOf(FilledAddress(b)).domain();
  });
  std::vector<stored::StoredEntry> part;
  size_t bytes = 0;
  for (const int64_t domain : domains) {
    std::vector<std::pair<std::string, int64_t>> members;
    for (int64_t i = domain; i < count; i += kFilledDomains) {
      members.emplace_back(TargetOf(FilledAddress(i)).local_part(), i);
    }
    std::sort(members.begin(), members.end());
    for (const auto& [local_part, i] : members) {
      part.push_back(SnapshotEntry(i, count));
      bytes += part.back().ByteSizeLong();
      if (bytes < kPartBytes) continue;
      load(part);
      part.clear();
      bytes = 0;
    }
  }
  load(part);
}

}  // namespace suppressd
