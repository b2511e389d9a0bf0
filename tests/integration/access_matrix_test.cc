// Every call of every service, our own and gRPC's, by every role, for its tenant, for another and for all: over a real
// socket, with bearer tokens. A new call without a row in kAllowed fails here.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/dynamic_message.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <map>
#include <set>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "grpcpp/create_channel.h"
#include "server/access/permissions.h"
#include "server/access/token_table.h"
#include "server/app/app.h"
#include "suppressd/v1/admin_service.pb.h"
#include "suppressd/v1/replication.pb.h"
#include "suppressd/v1/suppression_service.pb.h"
#include "tests/testing/temp_directory.h"

namespace suppressd {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MethodDescriptor;

const std::set<std::string> kEveryone = {"checker",  "reporter",   "viewer",     "support",
                                         "operator", "compliance", "replicator", "admin"};
const std::set<std::string> kViewers = {"viewer", "support", "operator", "compliance", "admin"};
const std::set<std::string> kReplicators = {"replicator", "admin"};

const std::map<std::string, std::set<std::string>> kAllowed = {
    {"/suppressd.v1.SuppressionService/ReportBounce", {"reporter", "operator", "replicator", "admin"}},
    {"/suppressd.v1.SuppressionService/DeliverReport", kReplicators},
    {"/suppressd.v1.SuppressionService/IsSuppressed",
     {"checker", "viewer", "support", "operator", "compliance", "replicator", "admin"}},
    {"/suppressd.v1.SuppressionService/BatchIsSuppressed",
     {"checker", "viewer", "support", "operator", "compliance", "replicator", "admin"}},
    {"/suppressd.v1.SuppressionService/ListSuppressions", kViewers},
    {"/suppressd.v1.SuppressionService/CountSuppressions", kViewers},
    {"/suppressd.v1.SuppressionService/GetBounceDetails", {"support", "operator", "compliance", "admin"}},
    {"/suppressd.v1.SuppressionService/Reactivate", {"support", "operator", "admin"}},
    {"/suppressd.v1.SuppressionService/Suppress", {"operator", "admin"}},
    {"/suppressd.v1.SuppressionService/Watch", kViewers},
    {"/suppressd.v1.AdminService/Import", {"operator", "admin"}},
    {"/suppressd.v1.AdminService/Export", kViewers},
    {"/suppressd.v1.AdminService/CreateBackup", {"operator", "admin"}},
    {"/suppressd.v1.AdminService/ListBackups", {"operator", "admin"}},
    {"/suppressd.v1.AdminService/ListAudit", {"compliance", "admin"}},
    {"/suppressd.v1.ReplicationService/Snapshot", kReplicators},
    {"/suppressd.v1.ReplicationService/Follow", kReplicators},
    {"/suppressd.v1.ReplicationService/Acknowledge", kReplicators},
    {"/suppressd.v1.ReplicationService/RangeChecksums", kReplicators},
    {"/suppressd.v1.ReplicationService/ListReplicas", {"operator", "replicator", "admin"}},
    {"/suppressd.v1.SidecarService/GetSidecarStatus", {"operator", "replicator", "admin"}},
    {"/grpc.health.v1.Health/Check", kEveryone},
    {"/grpc.health.v1.Health/Watch", kEveryone},
    {"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", kViewers},
    {"/grpc.channelz.v1.Channelz/GetTopChannels", {"admin"}},
    {"/grpc.channelz.v1.Channelz/GetServers", {"admin"}},
    {"/grpc.channelz.v1.Channelz/GetServer", {"admin"}},
    {"/grpc.channelz.v1.Channelz/GetServerSockets", {"admin"}},
    {"/grpc.channelz.v1.Channelz/GetChannel", {"admin"}},
    {"/grpc.channelz.v1.Channelz/GetSubchannel", {"admin"}},
    {"/grpc.channelz.v1.Channelz/GetSocket", {"admin"}},
};

// Whose tenant a request names.
enum class Tenant { kOwn, kOthers, kNone };

// The calls of our services, and their requests.
std::map<std::string, const MethodDescriptor*> OurCalls() {
  std::map<std::string, const MethodDescriptor*> calls;
  for (const auto* file : {v1::IsSuppressedRequest::descriptor()->file(), v1::FollowRequest::descriptor()->file(),
                           v1::ImportRequest::descriptor()->file()}) {
    for (int i = 0; i < file->service_count(); ++i) {
      for (int j = 0; j < file->service(i)->method_count(); ++j) {
        const MethodDescriptor* method = file->service(i)->method(j);
        calls[absl::StrCat("/", file->service(i)->full_name(), "/", method->name())] = method;
      }
    }
  }
  return calls;
}

// Names a tenant wherever a request can; false: it cannot.
bool NameTenant(const std::string& tenant, Message* request) {
  const google::protobuf::Descriptor* type = request->GetDescriptor();
  if (const FieldDescriptor* field = type->FindFieldByName("tenant")) {
    request->GetReflection()->SetString(request, field, tenant);
    return true;
  }
  if (const FieldDescriptor* field = type->FindFieldByName("tenants")) {
    request->GetReflection()->AddString(request, field, tenant);
    return true;
  }
  if (const FieldDescriptor* field = type->FindFieldByName("report")) {
    return NameTenant(tenant, request->GetReflection()->MutableMessage(request, field));
  }
  return false;
}

class AccessMatrixTest : public testing::Test {
 protected:
  AccessMatrixTest() {
    ServeOptions options;
    options.data_dir = options.store.path = directory_ / "data";
    options.listen_addresses = {"127.0.0.1:0"};
    options.access_file = directory_ / "access.yaml";
    options.token_file = directory_ / "tokens";
    std::ofstream access(options.access_file), tokens(options.token_file);
    access << "identities:\n";
    for (const Role& role : Roles()) {
      for (const auto& [suffix, tenant] : {std::pair("", "own"), std::pair("-all", "*")}) {
        const std::string name = absl::StrCat(role.name, suffix);
        access << absl::StrCat("- {name: ", name, ", tokens: [", name, "], grants: [{roles: [", role.name,
                               "], tenants: [\"", tenant, "\"]}]}\n");
        const TokenDigest digest = DigestOf(name);
        tokens << name << " "
               << absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()))
               << "\n";
      }
    }
    access.close();
    tokens.close();
    chmod(options.token_file.c_str(), 0600);
    auto app = App::Start(options);
    EXPECT_TRUE(app.ok()) << app.status();
    app_ = *std::move(app);
    stub_ = std::make_unique<grpc::GenericStub>(
        grpc::CreateChannel(app_->addresses()[0], grpc::InsecureChannelCredentials()));
  }

  // How a call ends, or OK once a stream has begun to answer. `token` empty: without an identity.
  grpc::Status Call(const std::string& method, const std::string& token, const std::string& request) {
    grpc::ClientContext context;
    if (!token.empty()) context.AddMetadata("authorization", "Bearer " + token);
    grpc::CompletionQueue queue;
    const auto await = [&queue] {
      void* tag = nullptr;
      bool ok = false;
      queue.Next(&tag, &ok);
      return ok;
    };
    const auto call = stub_->PrepareCall(&context, method, &queue);
    call->StartCall(nullptr);
    await();
    const grpc::Slice slice(request);
    call->WriteLast(grpc::ByteBuffer(&slice, 1), grpc::WriteOptions(), nullptr);
    await();
    grpc::ByteBuffer answer;
    call->Read(&answer, nullptr);
    const bool is_stream =
        absl::EndsWith(method, "/Watch") || absl::EndsWith(method, "/Follow") || absl::EndsWith(method, "/Snapshot");
    const bool answered = await();
    if (answered && is_stream) context.TryCancel();
    grpc::Status status;
    call->Finish(&status, nullptr);
    await();
    queue.Shutdown();
    return answered && is_stream ? grpc::Status::OK : status;
  }

  static bool IsRefusal(const grpc::Status& status) {
    return status.error_code() == grpc::StatusCode::PERMISSION_DENIED ||
           status.error_code() == grpc::StatusCode::UNAUTHENTICATED;
  }

  TempDirectory directory_;
  std::unique_ptr<App> app_;
  std::unique_ptr<grpc::GenericStub> stub_;
};

TEST_F(AccessMatrixTest, EveryCallHasARow) {
  std::set<std::string> calls;
  for (const auto& [name, method] : OurCalls()) calls.insert(name);
  for (const CallPermission& call : CallPermissions()) calls.insert(std::string(call.method));
  for (const std::string& call : calls) EXPECT_TRUE(kAllowed.contains(call)) << call;
  for (const auto& [call, roles] : kAllowed) EXPECT_TRUE(calls.contains(call)) << call;
}

TEST_F(AccessMatrixTest, RolesMayMakeTheirCallsForTheirTenantsAndNoOthers) {
  google::protobuf::DynamicMessageFactory factory;
  const auto ours = OurCalls();
  int refused = 0;
  for (const auto& [call, roles] : kAllowed) {
    for (const Role& role : Roles()) {
      for (const Tenant tenant : {Tenant::kOwn, Tenant::kOthers, Tenant::kNone}) {
        std::unique_ptr<Message> request;
        bool named = false;
        if (const auto found = ours.find(call); found != ours.end()) {
          request.reset(factory.GetPrototype(found->second->input_type())->New());
          if (tenant != Tenant::kNone) named = NameTenant(tenant == Tenant::kOwn ? "own" : "others", request.get());
        }
        const std::string bytes = request == nullptr ? "" : request->SerializeAsString();
        const bool by_role = roles.contains(std::string(role.name));
        const grpc::Status one = Call(call, std::string(role.name), bytes);
        const bool may = by_role && !(named && tenant == Tenant::kOthers);
        EXPECT_EQ(IsRefusal(one), !may) << call << " by " << role.name << ": " << one.error_message();
        const grpc::Status all = Call(call, absl::StrCat(role.name, "-all"), bytes);
        EXPECT_EQ(IsRefusal(all), !by_role) << call << " by " << role.name << "-all: " << all.error_message();
        refused += IsRefusal(one) + IsRefusal(all);
      }
    }
  }
  const Guard& guard = app_->guard();
  EXPECT_EQ(guard.denied(), refused);
  EXPECT_EQ(guard.unauthenticated(), 0);
}

TEST_F(AccessMatrixTest, WithoutAnIdentityThereIsNothingButHealth) {
  for (const auto& [call, roles] : kAllowed) {
    const grpc::Status status = Call(call, "", "");
    if (absl::StartsWith(call, "/grpc.health.")) {
      EXPECT_TRUE(status.ok()) << call << ": " << status.error_message();
      continue;
    }
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED) << call << ": " << status.error_message();
    EXPECT_EQ(Call(call, "stranger", "").error_code(), grpc::StatusCode::UNAUTHENTICATED) << call;
  }
}

}  // namespace
}  // namespace suppressd
