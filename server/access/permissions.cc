#include "server/access/permissions.h"

#include <array>

namespace suppressd {
namespace {

template <typename... Each>
constexpr Permissions Of(Each... permission) {
  return (Only(permission) | ...);
}

using enum Permission;

constexpr Permissions kChecker = Of(kHealth, kCheck);
constexpr Permissions kReporter = Of(kHealth, kReport);
constexpr Permissions kViewer = Of(kHealth, kCheck, kList, kReflect);
constexpr Permissions kSupport = kViewer | Of(kDiagnose, kReactivate);
constexpr Permissions kOperator = kSupport | Of(kReport, kSuppress, kImport, kBackUp, kStatus);
constexpr Permissions kCompliance = kViewer | Of(kDiagnose, kConsent, kAudit);
constexpr Permissions kReplicator = Of(kHealth, kCheck, kReport, kReplicate, kStatus);
constexpr Permissions kAdmin = (Permissions{1} << kPermissions) - 1;

constexpr std::array kRoles = {
    Role{"checker", "asks before each mail", kChecker},
    Role{"reporter", "reports bounces and complaints", kReporter},
    Role{"viewer", "checks, lists and watches, without the texts of bounces", kViewer},
    Role{"support", "viewer; reads the texts of bounces, and reactivates what bounced", kSupport},
    Role{"operator", "support; reports, suppresses by hand, imports, backs up, sees replicas", kOperator},
    Role{"compliance", "viewer; reads texts and the audit trail, and lifts or adds complaints and unsubscriptions",
         kCompliance},
    Role{"replicator", "a sidecar: takes the list, and passes on what its senders ask and report", kReplicator},
    Role{"admin", "everything", kAdmin},
};

constexpr std::array kCalls = {
    CallPermission{"/suppressd.v1.SuppressionService/ReportBounce", kReport},
    CallPermission{"/suppressd.v1.SuppressionService/DeliverReport", kReplicate},
    CallPermission{"/suppressd.v1.SuppressionService/IsSuppressed", kCheck},
    CallPermission{"/suppressd.v1.SuppressionService/BatchIsSuppressed", kCheck},
    CallPermission{"/suppressd.v1.SuppressionService/ListSuppressions", kList},
    CallPermission{"/suppressd.v1.SuppressionService/CountSuppressions", kList},
    CallPermission{"/suppressd.v1.SuppressionService/GetBounceDetails", kDiagnose},
    CallPermission{"/suppressd.v1.SuppressionService/Reactivate", kReactivate},
    CallPermission{"/suppressd.v1.SuppressionService/Suppress", kSuppress},
    CallPermission{"/suppressd.v1.SuppressionService/Watch", kList, TenantsNamed::kMany},
    CallPermission{"/suppressd.v1.AdminService/Import", kImport},
    CallPermission{"/suppressd.v1.AdminService/Export", kList},
    CallPermission{"/suppressd.v1.AdminService/ListAudit", kAudit, TenantsNamed::kMany},
    CallPermission{"/suppressd.v1.AdminService/CreateBackup", kBackUp, TenantsNamed::kNone},
    CallPermission{"/suppressd.v1.AdminService/ListBackups", kBackUp, TenantsNamed::kNone},
    CallPermission{"/suppressd.v1.ReplicationService/Snapshot", kReplicate, TenantsNamed::kMany},
    CallPermission{"/suppressd.v1.ReplicationService/Follow", kReplicate, TenantsNamed::kMany},
    CallPermission{"/suppressd.v1.ReplicationService/Acknowledge", kReplicate, TenantsNamed::kNone},
    CallPermission{"/suppressd.v1.ReplicationService/RangeChecksums", kReplicate, TenantsNamed::kMany},
    CallPermission{"/suppressd.v1.ReplicationService/ListReplicas", kStatus, TenantsNamed::kNone},
    CallPermission{"/suppressd.v1.SidecarService/GetSidecarStatus", kStatus, TenantsNamed::kNone},
    CallPermission{"/grpc.health.v1.Health/Check", kHealth, TenantsNamed::kNone},
    CallPermission{"/grpc.health.v1.Health/Watch", kHealth, TenantsNamed::kNone},
    CallPermission{"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", kReflect, TenantsNamed::kNone},
    CallPermission{"/grpc.channelz.v1.Channelz/GetTopChannels", kInspect, TenantsNamed::kNone},
    CallPermission{"/grpc.channelz.v1.Channelz/GetServers", kInspect, TenantsNamed::kNone},
    CallPermission{"/grpc.channelz.v1.Channelz/GetServer", kInspect, TenantsNamed::kNone},
    CallPermission{"/grpc.channelz.v1.Channelz/GetServerSockets", kInspect, TenantsNamed::kNone},
    CallPermission{"/grpc.channelz.v1.Channelz/GetChannel", kInspect, TenantsNamed::kNone},
    CallPermission{"/grpc.channelz.v1.Channelz/GetSubchannel", kInspect, TenantsNamed::kNone},
    CallPermission{"/grpc.channelz.v1.Channelz/GetSocket", kInspect, TenantsNamed::kNone},
};

}  // namespace

absl::string_view PermissionName(Permission permission) {
  switch (permission) {
    case kHealth:
      return "health";
    case kCheck:
      return "check";
    case kReport:
      return "report";
    case kList:
      return "list";
    case kDiagnose:
      return "diagnose";
    case kReactivate:
      return "reactivate";
    case kSuppress:
      return "suppress";
    case kConsent:
      return "consent";
    case kImport:
      return "import";
    case kBackUp:
      return "back_up";
    case kReplicate:
      return "replicate";
    case kStatus:
      return "status";
    case kReflect:
      return "reflect";
    case kInspect:
      return "inspect";
    case kAudit:
      return "audit";
  }
  return "";
}

absl::Span<const Role> Roles() {
  return kRoles;
}

const Role* FindRole(absl::string_view name) {
  for (const Role& role : kRoles) {
    if (role.name == name) return &role;
  }
  return nullptr;
}

absl::Span<const CallPermission> CallPermissions() {
  return kCalls;
}

std::optional<Permission> PermissionFor(absl::string_view method) {
  for (const CallPermission& call : kCalls) {
    if (call.method == method) return call.permission;
  }
  return std::nullopt;
}

}  // namespace suppressd
