#include "server/bounces/rules/policy.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/bounces/rules/names.h"
#include "server/bounces/rules/yaml_reader.h"

namespace suppressd {
namespace {

using storage::v1::PolicyDecision;

constexpr int kReasons = v1::BounceReason_ARRAYSIZE;
// Ten years: beyond that, "never" (0) is what is meant.
constexpr int kExpiryMaxDays = 3650;
constexpr int kEventsMax = 1000;
// Counters keep one number per day of the window.
constexpr int kWindowMaxDays = 365;
constexpr int kLeaseMaxDays = 3650;

// The decisions of one tenant, by reason.
struct Table {
  PolicyDecision hard[kReasons];
  PolicyDecision soft[kReasons];
  PolicyDecision complaint;
};

PolicyDecision Record() {
  PolicyDecision decision;
  decision.set_action(PolicyDecision::RECORD);
  return decision;
}

// A full mailbox may be emptied one day; nothing else ends by itself.
PolicyDecision SuppressDefault(int reason) {
  PolicyDecision decision;
  decision.set_action(PolicyDecision::SUPPRESS);
  decision.set_expires_after_days(reason == v1::MAILBOX_FULL ? 30 : 0);
  return decision;
}

PolicyDecision Count(int events, int window_days) {
  PolicyDecision decision;
  decision.set_action(PolicyDecision::COUNT);
  decision.set_threshold_events(events);
  decision.set_threshold_days(events);
  decision.set_window_days(window_days);
  decision.set_lease_days(7);
  decision.set_lease_max_days(90);
  return decision;
}

PolicyDecision CountDefault(int reason) {
  return reason == v1::UNDETERMINED ? Count(5, 30) : Count(3, 14);
}

bool IsHardReason(int reason) {
  return reason >= v1::ADDRESS_NOT_FOUND && reason <= v1::REJECTS_UNKNOWN_SENDERS;
}

Table BuiltInTable() {
  Table table;
  for (int reason = 0; reason < kReasons; ++reason) {
    table.soft[reason] = CountDefault(reason);
    // What has no hard-bounce reason is not known to be permanent.
    table.hard[reason] = IsHardReason(reason) ? SuppressDefault(reason) : CountDefault(v1::UNDETERMINED);
  }
  table.complaint = SuppressDefault(v1::BOUNCE_REASON_UNSPECIFIED);
  return table;
}

// Reads a policy file into tables. One use.
class PolicyReader {
 public:
  explicit PolicyReader(absl::string_view name) : yaml_(name) {}

  absl::Status Read(absl::string_view text, Table* defaults, std::map<std::string, Table, std::less<>>* tenants) {
    absl::StatusOr<YAML::Node> root = yaml_.Parse(text);
    if (!root.ok()) return root.status();
    YAML::Node default_node;
    YAML::Node tenant_nodes;
    absl::Status status = yaml_.ForEachEntry(*root, "the policy", [&](const std::string& key, const YAML::Node& value) {
      if (key == "default") {
        default_node.reset(value);
      } else if (key == "tenants") {
        tenant_nodes.reset(value);
      } else {
        return yaml_.Error(value, absl::StrCat("unknown key \"", key, "\""));
      }
      return absl::OkStatus();
    });
    // Tenants override the file's default, wherever in the file it stands.
    if (status.ok()) status = ReadTable(default_node, "default", defaults);
    if (!status.ok()) return status;
    return yaml_.ForEachEntry(tenant_nodes, "tenants", [&](const std::string& key, const YAML::Node& value) {
      if (!IsName(key)) return yaml_.Error(value, absl::StrCat("\"", key, "\" is not a tenant name"));
      return ReadTable(value, key, &tenants->emplace(key, *defaults).first->second);
    });
  }

 private:
  absl::Status ReadTable(const YAML::Node& node, const std::string& what, Table* table) {
    return yaml_.ForEachEntry(node, what, [&](const std::string& key, const YAML::Node& value) {
      if (key == "hard") return ReadReasons(value, key, table->hard);
      if (key == "soft") return ReadReasons(value, key, table->soft);
      if (key == "complaint") return ReadDecision(value, key, v1::BOUNCE_REASON_UNSPECIFIED, &table->complaint);
      return yaml_.Error(value, absl::StrCat("unknown key \"", key, "\""));
    });
  }

  absl::Status ReadReasons(const YAML::Node& node, const std::string& kind, PolicyDecision* decisions) {
    return yaml_.ForEachEntry(node, kind, [&](const std::string& key, const YAML::Node& value) {
      v1::BounceReason reason = v1::BOUNCE_REASON_UNSPECIFIED;
      const bool known = v1::BounceReason_Parse(key, &reason) && reason != v1::BOUNCE_REASON_UNSPECIFIED;
      if (!known || (kind == "hard" && !IsHardReason(reason))) {
        return yaml_.Error(value, absl::StrCat("\"", key, "\" is not a reason of a ", kind, " bounce"));
      }
      return ReadDecision(value, key, reason, &decisions[reason]);
    });
  }

  // Overrides what stands in *decision already. Another action starts from that action's built-in numbers.
  absl::Status ReadDecision(const YAML::Node& node, const std::string& what, v1::BounceReason reason,
                            PolicyDecision* decision) {
    absl::Status status = yaml_.ForEachEntry(node, what, [&](const std::string& key, const YAML::Node& value) {
      return key == "action" ? ReadAction(value, what, reason, decision) : absl::OkStatus();
    });
    if (!status.ok()) return status;
    status = yaml_.ForEachEntry(node, what, [&](const std::string& key, const YAML::Node& value) {
      return key == "action" ? absl::OkStatus() : ReadField(value, key, decision);
    });
    if (!status.ok()) return status;
    if (decision->threshold_days() > decision->threshold_events()) return yaml_.Error(node, "days is more than events");
    if (decision->threshold_days() > decision->window_days()) return yaml_.Error(node, "days is more than window_days");
    if (decision->lease_days() > decision->lease_max_days()) {
      return yaml_.Error(node, "lease_days is more than lease_max_days");
    }
    return absl::OkStatus();
  }

  absl::Status ReadAction(const YAML::Node& node, const std::string& what, v1::BounceReason reason,
                          PolicyDecision* decision) {
    std::string name;
    if (absl::Status status = yaml_.ReadString(node, "action", &name); !status.ok()) return status;
    PolicyDecision wanted;
    if (name == "suppress") {
      wanted = SuppressDefault(reason);
    } else if (name == "record") {
      wanted = Record();
    } else if (name == "count" && reason != v1::BOUNCE_REASON_UNSPECIFIED) {
      wanted = CountDefault(reason);
    } else {
      return yaml_.Error(node, absl::StrCat("\"", name, "\" is not an action of ", what));
    }
    if (wanted.action() != decision->action()) *decision = wanted;
    return absl::OkStatus();
  }

  absl::Status ReadField(const YAML::Node& node, const std::string& key, PolicyDecision* decision) {
    struct Field {
      const char* name;
      PolicyDecision::Action action;
      int min;
      int max;
      void (PolicyDecision::*set)(int32_t);
    };
    static constexpr Field kFields[] = {
        {"expires_after_days", PolicyDecision::SUPPRESS, 0, kExpiryMaxDays, &PolicyDecision::set_expires_after_days},
        {"events", PolicyDecision::COUNT, 1, kEventsMax, &PolicyDecision::set_threshold_events},
        {"days", PolicyDecision::COUNT, 1, kWindowMaxDays, &PolicyDecision::set_threshold_days},
        {"window_days", PolicyDecision::COUNT, 1, kWindowMaxDays, &PolicyDecision::set_window_days},
        {"lease_days", PolicyDecision::COUNT, 1, kLeaseMaxDays, &PolicyDecision::set_lease_days},
        {"lease_max_days", PolicyDecision::COUNT, 1, kLeaseMaxDays, &PolicyDecision::set_lease_max_days},
    };
    for (const Field& field : kFields) {
      if (key != field.name) continue;
      if (decision->action() != field.action)
        return yaml_.Error(node, absl::StrCat(key, " does not go with this action"));
      int number = 0;
      absl::Status status = yaml_.ReadNumber(node, key, field.min, field.max, &number);
      if (status.ok()) (decision->*field.set)(number);
      return status;
    }
    return yaml_.Error(node, absl::StrCat("unknown key \"", key, "\""));
  }

  const YamlReader yaml_;
};

}  // namespace

struct Policy::Tables {
  Table defaults;
  std::map<std::string, Table, std::less<>> tenants;
};

Policy::Policy(std::unique_ptr<const Tables> tables) : tables_(std::move(tables)) {}
Policy::~Policy() = default;

std::unique_ptr<const Policy> Policy::BuiltIn() {
  auto tables = std::make_unique<Tables>();
  tables->defaults = BuiltInTable();
  return std::unique_ptr<const Policy>(new Policy(std::move(tables)));
}

absl::StatusOr<std::unique_ptr<const Policy>> Policy::FromYaml(absl::string_view name, absl::string_view yaml) {
  auto tables = std::make_unique<Tables>();
  tables->defaults = BuiltInTable();
  absl::Status status = PolicyReader(name).Read(yaml, &tables->defaults, &tables->tenants);
  if (!status.ok()) return status;
  return std::unique_ptr<const Policy>(new Policy(std::move(tables)));
}

storage::v1::PolicyDecision Policy::Decide(absl::string_view tenant, const v1::Verdict& verdict) const {
  const auto found = tables_->tenants.find(std::string(tenant));
  const Table& table = found == tables_->tenants.end() ? tables_->defaults : found->second;
  // A reason of a later version counts as one nobody recognises.
  const int reason = v1::BounceReason_IsValid(verdict.reason()) ? static_cast<int>(verdict.reason()) : v1::UNDETERMINED;
  switch (verdict.bounce_class()) {
    case v1::Verdict::HARD:
      return table.hard[reason];
    case v1::Verdict::SOFT:
      return table.soft[reason];
    case v1::Verdict::COMPLAINT:
      return table.complaint;
    default:
      return Record();
  }
}

}  // namespace suppressd
