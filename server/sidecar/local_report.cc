#include "server/sidecar/local_report.h"

#include <algorithm>
#include <string>
#include <vector>

#include "storage/entry.h"
#include "storage/state_machine.h"

namespace suppressd {
namespace {

// Whether a report has left its mark on a cause: it is new, or has seen one more event.
bool IsMarked(const v1::Suppression& before, const v1::Cause& cause) {
  return std::none_of(before.causes().begin(), before.causes().end(), [&](const v1::Cause& other) {
    return SameCause(other, cause) && other.event_count() == cause.event_count();
  });
}

// Replicas do not get what the state machine keeps beside the causes; their reactivations tell it.
void RestoreMarks(stored::StoredEntry* entry) {
  const auto later = [](const google::protobuf::Timestamp& time, google::protobuf::Timestamp* mark) {
    if (ToMicros(time) > ToMicros(*mark)) *mark = time;
  };
  for (const v1::Cause& cause : entry->suppression().causes()) {
    if (!cause.has_reactivation()) continue;
    const bool bounce = cause.type() == v1::Cause::HARD_BOUNCE || cause.type() == v1::Cause::SOFT_BOUNCE;
    if (bounce) later(cause.reactivation().reactivated_at(), entry->mutable_bounces_reactivated_at());
    if (cause.reactivation().has_consent()) {
      later(cause.reactivation().consent().obtained_at(), entry->mutable_consent_at());
    }
  }
}

// The entry as it stands here.
absl::Status ReadEntry(const EntryName& name, const ListReader* replica, const LocalBlocks& blocks,
                       stored::StoredEntry* entry) {
  RevisionToken state;
  if (replica != nullptr) {
    state = {replica->lineage(), replica->head().head()};  // before the lookup, which is of this state or a later one
    Lookup found;
    if (absl::Status status = replica->Get(name, &found); !status.ok()) return status;
    if (found.address.has_value()) *entry = *std::move(found.address);
  }
  RestoreMarks(entry);
  for (LocalCause& local : blocks.Find(name, state)) {
    v1::Cause& cause = local.cause;
    v1::Suppression* suppression = entry->mutable_suppression();
    const auto same = std::find_if(suppression->mutable_causes()->begin(), suppression->mutable_causes()->end(),
                                   [&](const v1::Cause& other) { return SameCause(other, cause); });
    if (same != suppression->mutable_causes()->end()) {
      *same = std::move(cause);
    } else {
      *suppression->add_causes() = std::move(cause);
    }
  }
  return absl::OkStatus();
}

// Applies one recipient's part, as the server would.
void Apply(const EntryName& name, const stored::RecipientReport& recipient, int64_t now, stored::StoredEntry* entry,
           v1::RecipientOutcome* outcome, stored::OutboxReport* outbox) {
  v1::BounceEvent event = recipient.event();
  if (recipient.decision().action() == stored::PolicyDecision::SUPPRESS) {
    const v1::Suppression before = entry->suppression();
    ApplyReport(recipient.decision(), {now, now}, &event, entry);
    for (const v1::Cause& cause : entry->suppression().causes()) {
      // Also what the replica suppresses already: it may be behind a reactivation that this report comes after.
      if (!CountsAt(cause, now) || !IsMarked(before, cause)) continue;
      stored::LocalBlock* block = outbox->add_blocks();
      block->set_tenant(std::string(name.tenant));
      block->set_domain(std::string(name.domain));
      block->set_local_part(std::string(name.local_part));
      *block->mutable_cause() = cause;
    }
  } else {
    const bool counts = recipient.decision().action() == stored::PolicyDecision::COUNT;
    event.set_effect(counts ? v1::BounceEvent::COUNTED : v1::BounceEvent::RECORDED);
  }
  outcome->set_address(name.Address());
  *outcome->mutable_verdict() = event.verdict();
  outcome->set_effect(event.effect());
}

}  // namespace

absl::Status AnswerLocally(const ReportPlan& plan, const ListReader* replica, const LocalBlocks& blocks, absl::Time now,
                           v1::ReportBounceResponse* response, stored::OutboxReport* outbox) {
  response->set_kind(plan.kind);
  response->set_truncated(plan.truncated);
  for (const PlannedOutcome& planned : plan.outcomes) {
    v1::RecipientOutcome* outcome = response->add_outcomes();
    *outcome = planned.outcome;
    if (planned.command < 0) continue;
    const stored::Command& command = plan.commands[planned.command];
    const stored::RecipientReport& recipient = command.report().recipients(planned.recipient);
    const EntryName name{command.tenant(), recipient.target().domain(), recipient.target().local_part()};
    stored::StoredEntry entry;
    if (absl::Status status = ReadEntry(name, replica, blocks, &entry); !status.ok()) return status;
    Apply(name, recipient, absl::ToUnixMicros(now), &entry, outcome, outbox);
  }
  response->set_durability(plan.commands.empty() ? v1::ReportBounceResponse::NOT_KEPT
                                                 : v1::ReportBounceResponse::AT_SIDECAR);
  return absl::OkStatus();
}

}  // namespace suppressd
