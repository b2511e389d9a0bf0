// Calls that no role allows are in the audit trail of a server that was stopped, those without an identity are not.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "grpcpp/create_channel.h"
#include "server/access/token_table.h"
#include "server/app/app.h"
#include "suppressd/v1/suppression_service.grpc.pb.h"
#include "tests/testing/temp_directory.h"

namespace suppressd {
namespace {

class DeniedTrailTest : public testing::Test {
 protected:
  DeniedTrailTest() {
    options_.data_dir = options_.store.path = directory_ / "data";
    options_.listen_addresses = {"127.0.0.1:0"};
    options_.access_file = directory_ / "access.yaml";
    options_.token_file = directory_ / "tokens";
    std::ofstream(options_.access_file) << "identities:\n"
                                           "- {name: sender, tokens: [sender], grants: [{roles: [checker], "
                                           "tenants: [shop]}]}\n";
    const TokenDigest digest = DigestOf("sender");
    std::ofstream(options_.token_file) << "sender "
                                       << absl::BytesToHexString(absl::string_view(
                                              reinterpret_cast<const char*>(digest.data()), digest.size()))
                                       << "\n";
    chmod(options_.token_file.c_str(), 0600);
    auto app = App::Start(options_);
    EXPECT_TRUE(app.ok()) << app.status();
    app_ = *std::move(app);
    stub_ =
        v1::SuppressionService::NewStub(grpc::CreateChannel(app_->addresses()[0], grpc::InsecureChannelCredentials()));
  }
  static void AddToken(const std::string& token, grpc::ClientContext* context) {
    if (!token.empty()) context->AddMetadata("authorization", "Bearer " + token);
  }
  grpc::StatusCode Suppress(const std::string& token, const std::string& tenant) {
    grpc::ClientContext context;
    AddToken(token, &context);
    v1::SuppressRequest request;
    request.set_tenant(tenant);
    request.set_address("jo@example.com");
    request.set_note("test");
    v1::SuppressResponse response;
    return stub_->Suppress(&context, request, &response).error_code();
  }
  grpc::StatusCode Check(const std::string& token, const std::string& tenant) {
    grpc::ClientContext context;
    AddToken(token, &context);
    v1::IsSuppressedRequest request;
    request.set_tenant(tenant);
    request.set_address("jo@example.com");
    v1::IsSuppressedResponse response;
    return stub_->IsSuppressed(&context, request, &response).error_code();
  }

  TempDirectory directory_;
  ServeOptions options_;
  std::unique_ptr<App> app_;
  std::unique_ptr<v1::SuppressionService::Stub> stub_;
};

TEST_F(DeniedTrailTest, WhatARoleDoesNotAllowIsNotedByTheTimeTheServerHasStopped) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Suppress("sender", "shop"), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(Suppress("sender", "No Name <jo@example.com>"), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(Check("sender", "others"), grpc::StatusCode::PERMISSION_DENIED) << "a check is not noted";
  EXPECT_EQ(Suppress("", "shop"), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(Suppress("stranger", "shop"), grpc::StatusCode::UNAUTHENTICATED);
  app_->Stop(absl::Seconds(10));
  app_.reset();
  const auto store = *Store::Open(options_.store);
  const std::vector<v1::AuditRecord> records = store->reader().ListAudit({})->records;
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].actor(), "sender");
  EXPECT_EQ(records[0].action(), "denied");
  EXPECT_EQ(records[0].tenant(), "") << "a text that is no name of a list is not kept";
  EXPECT_EQ(records[0].count(), 1);
  EXPECT_EQ(records[1].tenant(), "shop");
  EXPECT_EQ(records[1].detail(), "/suppressd.v1.SuppressionService/Suppress");
  EXPECT_EQ(records[1].count(), 3);
  EXPECT_EQ(records[1].refused_reason(), "ACCESS_DENIED");
}

}  // namespace
}  // namespace suppressd
