#include "server/sidecar/forwarded.h"

#include <memory>
#include <string>
#include <vector>

#include "storage/entry.h"

namespace suppressd {
namespace {

v1::Cause::Type TypeOf(v1::Verdict::Class bounce_class) {
  if (bounce_class == v1::Verdict::COMPLAINT) return v1::Cause::COMPLAINT;
  return bounce_class == v1::Verdict::SOFT ? v1::Cause::SOFT_BOUNCE : v1::Cause::HARD_BOUNCE;
}

// A block on "local@domain", or "@domain". Null: that is no address.
stored::LocalBlock* AddBlock(const std::string& tenant, const std::string& address,
                             google::protobuf::RepeatedPtrField<stored::LocalBlock>* blocks) {
  const size_t at = address.rfind('@');
  if (at == std::string::npos) return nullptr;
  stored::LocalBlock* block = blocks->Add();
  block->set_tenant(tenant.empty() ? "default" : tenant);
  block->set_domain(address.substr(at + 1));
  block->set_local_part(address.substr(0, at));
  return block;
}

}  // namespace

void Forwarded::Taken(const v1::ReportBounceRequest& request, const v1::ReportBounceResponse& response,
                      absl::Time now) {
  Blocks blocks;
  for (const v1::RecipientOutcome& outcome : response.outcomes()) {
    // Also what was suppressed already: the replica may be behind a reactivation that came before this report.
    if (outcome.effect() != v1::BounceEvent::SUPPRESSED && outcome.effect() != v1::BounceEvent::ALREADY_SUPPRESSED)
      continue;
    stored::LocalBlock* block = AddBlock(request.tenant(), outcome.address(), &blocks);
    if (block == nullptr) continue;
    v1::Cause* cause = block->mutable_cause();
    cause->set_type(TypeOf(outcome.verdict().bounce_class()));
    cause->set_state(v1::Cause::ACTIVE);
    if (cause->type() == v1::Cause::COMPLAINT) {
      cause->set_stream(request.stream());
    } else {
      cause->set_reason(outcome.verdict().reason());
    }
    *cause->mutable_first_event_at() = FromMicros(absl::ToUnixMicros(now));
    *cause->mutable_last_event_at() = cause->first_event_at();
    cause->set_event_count(1);
    cause->set_source(request.source());
    cause->set_rule_id(outcome.verdict().rule_id());
  }
  Add(blocks, response.revision_token());
}

void Forwarded::Taken(const v1::SuppressResponse& response) {
  Blocks blocks;
  for (const v1::Cause& cause : response.suppression().causes()) {
    if (cause.state() == v1::Cause::REACTIVATED || cause.state() == v1::Cause::EXPIRED) continue;
    stored::LocalBlock* block = AddBlock(response.suppression().tenant(), TargetText(response.suppression()), &blocks);
    if (block != nullptr) *block->mutable_cause() = cause;
  }
  Add(blocks, response.revision_token());
}

void Forwarded::Add(const Blocks& blocks, const std::string& token) {
  const absl::StatusOr<RevisionToken> state = DecodeToken(token, "revision_token");
  if (blocks.empty() || !state.ok()) return;
  const std::shared_ptr<ReplicaView> view = replica_->view();
  absl::MutexLock lock(&mutex_);
  const Write write{next_++, state->lineage, view == nullptr ? 0 : view->store->lineage()};
  blocks_->Add(write.number, blocks, *state);
  writes_.emplace(state->revision, write);
}

void Forwarded::ReplicaAdvanced() {
  const std::shared_ptr<ReplicaView> view = replica_->view();
  if (view == nullptr) return;
  const RevisionToken state = view->state();
  std::vector<uint64_t> held;
  absl::MutexLock lock(&mutex_);
  const bool replaced = seen_lineage_ != state.lineage;
  seen_lineage_ = state.lineage;
  for (auto it = writes_.begin(); it != writes_.end() && (replaced || it->first <= state.revision);) {
    const Write& write = it->second;
    if (IsSettled({write.lineage, it->first}, write.served_lineage, state)) {
      held.push_back(write.number);
      it = writes_.erase(it);
    } else {
      ++it;
    }
  }
  if (!held.empty()) blocks_->Remove(held);
}

bool Forwarded::full() const {
  absl::MutexLock lock(&mutex_);
  return writes_.size() >= kForwardedMax;
}

}  // namespace suppressd
