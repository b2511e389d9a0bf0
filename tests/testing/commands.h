// Commands as the handlers would make them, in one line each.
#pragma once

#include <string>

#include "storage/stored.h"

namespace suppressd {

// Noon of a day, counted from 2026-01-01.
inline int64_t Day(int day, int64_t micros = 0) {
  return (20454 + day) * kMicrosPerDay + kMicrosPerDay / 2 + micros;
}

// Splits "local@domain".
inline stored::Target TargetOf(const std::string& address) {
  stored::Target target;
  target.set_local_part(address.substr(0, address.rfind('@')));
  target.set_domain(address.substr(address.rfind('@') + 1));
  return target;
}

inline stored::PolicyDecision SuppressDecision(int expires_after_days = 0) {
  stored::PolicyDecision decision;
  decision.set_action(stored::PolicyDecision::SUPPRESS);
  decision.set_expires_after_days(expires_after_days);
  return decision;
}

// 3 events on 3 days within 14, lease 7 doubling to 90.
inline stored::PolicyDecision CountDecision() {
  stored::PolicyDecision decision;
  decision.set_action(stored::PolicyDecision::COUNT);
  decision.set_threshold_events(3);
  decision.set_threshold_days(3);
  decision.set_window_days(14);
  decision.set_lease_days(7);
  decision.set_lease_max_days(90);
  return decision;
}

inline v1::BounceEvent EventOf(v1::Verdict::Class bounce_class, v1::BounceReason reason, int64_t at) {
  v1::BounceEvent event;
  *event.mutable_occurred_at() = FromMicros(at);
  *event.mutable_received_at() = FromMicros(at);
  event.mutable_verdict()->set_bounce_class(bounce_class);
  event.mutable_verdict()->set_reason(reason);
  event.mutable_verdict()->set_rule_id("test.rule");
  event.set_diagnostic("550 5.1.1 no such user");
  return event;
}

inline stored::Command ReportCommand(const std::string& address, const v1::BounceEvent& event,
                                     const stored::PolicyDecision& decision, int64_t at,
                                     const std::string& request_key = "", const std::string& tenant = "default") {
  stored::Command command;
  command.set_tenant(tenant);
  command.set_request_key(request_key);
  command.set_payload_digest(address);
  *command.mutable_at() = FromMicros(at);
  stored::RecipientReport* recipient = command.mutable_report()->add_recipients();
  *recipient->mutable_target() = TargetOf(address);
  *recipient->mutable_event() = event;
  *recipient->mutable_decision() = decision;
  return command;
}

// A hard bounce that suppresses at once.
inline stored::Command HardBounce(const std::string& address, int64_t at, const std::string& request_key = "",
                                  const std::string& tenant = "default") {
  return ReportCommand(address, EventOf(v1::Verdict::HARD, v1::ADDRESS_NOT_FOUND, at), SuppressDecision(), at,
                       request_key, tenant);
}

inline stored::Command SuppressCommand(const std::string& address, v1::Cause::Type type, int64_t at,
                                       const std::string& tenant = "default") {
  stored::Command command;
  command.set_tenant(tenant);
  *command.mutable_at() = FromMicros(at);
  *command.mutable_suppress()->mutable_target() = TargetOf(address);
  command.mutable_suppress()->mutable_cause()->set_type(type);
  command.mutable_suppress()->mutable_cause()->set_note("by hand");
  return command;
}

inline stored::Command ReactivateCommand(const std::string& address, int64_t at,
                                         const std::string& tenant = "default") {
  stored::Command command;
  command.set_tenant(tenant);
  command.set_on_behalf_of("tester");
  *command.mutable_at() = FromMicros(at);
  *command.mutable_reactivate()->mutable_target() = TargetOf(address);
  command.mutable_reactivate()->set_note("works again");
  return command;
}

// What is noted in the audit trail and changes nothing.
inline stored::Command NoteCommand(const std::string& action, int64_t at, const std::string& tenant = "default") {
  stored::Command command;
  *command.mutable_at() = FromMicros(at);
  command.set_actor("sender");
  command.mutable_note()->set_action(action);
  command.mutable_note()->set_tenant(tenant);
  command.mutable_note()->set_count(3);
  return command;
}

}  // namespace suppressd
