#include "client/internal/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>

#include "suppressd/client.h"
#include "tests/testing/temp_directory.h"

namespace suppressd {
namespace {

using ::testing::HasSubstr;

ClientOptions Local() {
  ClientOptions options;
  options.target = "127.0.0.1:7070";
  return options;
}

void ExpectRefused(const ClientOptions& options, const std::string& what) {
  const absl::StatusOr<ClientOptions> resolved = client_internal::ResolveOptions(options);
  ASSERT_FALSE(resolved.ok()) << what;
  EXPECT_EQ(resolved.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(resolved.status().message()), HasSubstr(what));
}

TEST(ClientOptionsTest, TheDefaultTargetIsTheSocketOfSuppressd) {
  unsetenv("SUPPRESSION_TARGET");
  EXPECT_EQ(client_internal::ResolveOptions(ClientOptions())->target, "unix:/run/suppressd/suppressd.sock");
}

TEST(ClientOptionsTest, TheEnvironmentReplacesTheDefaultTargetOnly) {
  setenv("SUPPRESSION_TARGET", "localhost:9", 1);
  EXPECT_EQ(client_internal::ResolveOptions(ClientOptions())->target, "localhost:9");
  EXPECT_EQ(client_internal::ResolveOptions(Local())->target, "127.0.0.1:7070");
  setenv("SUPPRESSION_TARGET", "", 1);
  EXPECT_EQ(client_internal::ResolveOptions(ClientOptions())->target, "unix:/run/suppressd/suppressd.sock");
  unsetenv("SUPPRESSION_TARGET");
}

TEST(ClientOptionsTest, ThereIsNoFallbackUnlessOneIsNamed) {
  unsetenv("SUPPRESSION_FALLBACK_TARGET");
  EXPECT_EQ(client_internal::ResolveOptions(Local())->fallback_target, "");
  setenv("SUPPRESSION_FALLBACK_TARGET", "", 1);
  EXPECT_EQ(client_internal::ResolveOptions(Local())->fallback_target, "");
  setenv("SUPPRESSION_FALLBACK_TARGET", "localhost:9", 1);
  EXPECT_EQ(client_internal::ResolveOptions(Local())->fallback_target, "localhost:9");
  ClientOptions options = Local();
  options.fallback_target = "localhost:10";
  EXPECT_EQ(client_internal::ResolveOptions(options)->fallback_target, "localhost:10");
  options.fallback_target = "none";
  EXPECT_EQ(client_internal::ResolveOptions(options)->fallback_target, "");
  unsetenv("SUPPRESSION_FALLBACK_TARGET");
}

TEST(ClientOptionsTest, AFallbackIsHeldToTheRulesOfATarget) {
  ClientOptions options = Local();
  options.fallback_target = "nonsense";
  ExpectRefused(options, "fallback_target");
  options.fallback_target = "mail.example.com:7070";
  ExpectRefused(options, "fallback_tls");
  options.insecure = true;
  EXPECT_TRUE(client_internal::ResolveOptions(options).ok());
  options.insecure = false;
  options.fallback_tls.emplace();
  EXPECT_TRUE(client_internal::ResolveOptions(options).ok());
  options.fallback_tls->key_file = "key.pem";
  ExpectRefused(options, "fallback_tls");
}

TEST(ClientOptionsTest, TheFallbackHasTheTransportOfTheTargetUnlessItHasItsOwn) {
  ClientOptions options = Local();
  options.fallback_target = "localhost:9";
  options.tls.emplace();
  options.tls->server_name = "target";
  EXPECT_EQ(client_internal::FallbackOptions(options).target, "localhost:9");
  EXPECT_EQ(client_internal::FallbackOptions(options).tls->server_name, "target");
  options.fallback_tls.emplace();
  options.fallback_tls->server_name = "fallback";
  EXPECT_EQ(client_internal::FallbackOptions(options).tls->server_name, "fallback");
}

TEST(ClientOptionsTest, GoodTargetsAreTaken) {
  for (const char* target :
       {"unix:/run/a.sock", "unix:///run/a.sock", "unix-abstract:a", "localhost:1", "127.9.8.7:65535", "[::1]:7070",
        "dns:///localhost:7070", "ipv4:127.0.0.1:1,127.0.0.2:2", "ipv6:[::1]:7070"}) {
    ClientOptions options;
    options.target = target;
    EXPECT_TRUE(client_internal::ResolveOptions(options).ok()) << target;
  }
}

TEST(ClientOptionsTest, NonsenseTargetsAreRefused) {
  for (const char* target : {"localhost", "localhost:0", "localhost:65536", "localhost:x", ":7070", "unix:", "unix://",
                             "::1:7070", "a b:1", "xds:///name", "127.0.0.1:1,"}) {
    ClientOptions options;
    options.target = target;
    ExpectRefused(options, "target");
  }
  ClientOptions options;
  options.target = "unix:/" + std::string(107, 'a');
  ExpectRefused(options, "107 bytes");
}

TEST(ClientOptionsTest, PlaintextStaysOnThisHost) {
  for (const char* target : {"mail.example.com:7070", "10.0.0.1:7070", "127.0.0.1.example.com:7070",
                             "ipv4:127.0.0.1:1,10.0.0.1:1", "[::2]:1", "dns:///example.com:1", "0.0.0.0:1"}) {
    ClientOptions options;
    options.target = target;
    ExpectRefused(options, "plaintext");
    options.insecure = true;
    EXPECT_TRUE(client_internal::ResolveOptions(options).ok()) << target;
    options.insecure = false;
    options.tls.emplace();
    EXPECT_TRUE(client_internal::ResolveOptions(options).ok()) << target;
  }
}

TEST(ClientOptionsTest, NumbersOutsideTheirRangeAreRefused) {
  ClientOptions options = Local();
  options.deadline = absl::ZeroDuration();
  ExpectRefused(options, "deadline");
  options.deadline = absl::InfiniteDuration();
  ExpectRefused(options, "deadline");
  options = Local();
  options.retry.max_attempts = 0;
  ExpectRefused(options, "max_attempts");
  options.retry.max_attempts = 21;
  ExpectRefused(options, "max_attempts");
  options = Local();
  options.retry.initial_backoff = absl::ZeroDuration();
  ExpectRefused(options, "initial_backoff");
  options = Local();
  options.retry.max_backoff = options.retry.initial_backoff - absl::Nanoseconds(1);
  ExpectRefused(options, "max_backoff");
  options = Local();
  options.watch_retry_for = -absl::Nanoseconds(1);
  ExpectRefused(options, "watch_retry_for");
  options = Local();
  options.when_unavailable = static_cast<WhenUnavailable>(7);
  ExpectRefused(options, "when_unavailable");
}

TEST(ClientOptionsTest, TenantsHaveTheFormOfTheService) {
  for (const char* tenant : {"a", "0", "acme.eu_west-1"}) {
    ClientOptions options = Local();
    options.tenant = tenant;
    EXPECT_TRUE(client_internal::ResolveOptions(options).ok()) << tenant;
  }
  for (const std::string& tenant : {std::string("A"), std::string("-a"), std::string("a b"), std::string(64, 'a')}) {
    ClientOptions options = Local();
    options.tenant = tenant;
    ExpectRefused(options, "tenant");
  }
}

TEST(ClientOptionsTest, ACertificateNeedsItsKey) {
  ClientOptions options = Local();
  options.tls.emplace();
  options.tls->cert_file = "cert.pem";
  ExpectRefused(options, "need each other");
  options.tls->cert_file.clear();
  options.tls->key_file = "key.pem";
  ExpectRefused(options, "need each other");
  options.tls.emplace();
  options.insecure = true;
  ExpectRefused(options, "excludes tls");
}

TEST(ClientOptionsTest, PemFilesMustExistAndBePem) {
  ClientOptions options = Local();
  options.tls.emplace();
  TempDirectory directory;
  options.tls->ca_file = directory / "no_such_file.pem";
  EXPECT_EQ(Client::Create(options).status().code(), absl::StatusCode::kNotFound);
  options.tls->ca_file = directory / "not_pem";
  std::ofstream(options.tls->ca_file) << "hello";
  EXPECT_EQ(Client::Create(options).status().code(), absl::StatusCode::kFailedPrecondition);
  options.tls->ca_file = directory.path();
  EXPECT_EQ(Client::Create(options).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(ClientOptionsTest, CreateConnectsToNothing) {
  EXPECT_TRUE(Client::Create(Local()).ok());
}

}  // namespace
}  // namespace suppressd
