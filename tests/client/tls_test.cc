// TLS and mutual TLS against a service on a real socket, with certificates made on the spot.
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <fstream>

#include "absl/time/clock.h"
#include "fake_service.h"
#include "suppressd/client.h"

namespace suppressd {
namespace {

constexpr char kServerName[] = "suppressd.test";

std::string Drain(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<size_t>(size));
  BIO_free(bio);
  return text;
}

// A self-signed certificate for kServerName, which is its own authority, and its key.
struct Identity {
  Identity() {
    EVP_PKEY* pair = EVP_EC_gen("P-256");
    X509* x509 = X509_new();
    X509_set_version(x509, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
    X509_set_pubkey(x509, pair);
    X509_NAME* name = X509_get_subject_name(x509);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(kServerName), -1, -1,
                               0);
    X509_set_issuer_name(x509, name);
    X509_EXTENSION* names =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, (std::string("DNS:") + kServerName).c_str());
    X509_add_ext(x509, names, -1);
    X509_sign(x509, pair, EVP_sha256());
    BIO* bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, x509);
    cert = Drain(bio);
    bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, pair, nullptr, nullptr, 0, nullptr, nullptr);
    key = Drain(bio);
    X509_EXTENSION_free(names);
    X509_free(x509);
    EVP_PKEY_free(pair);
  }
  std::string cert;
  std::string key;
};

class TlsTest : public ::testing::Test {
 protected:
  TlsTest() : service_(ServerCredentials()) {
    service_.on_check = [](const auto&, v1::IsSuppressedResponse* response) {
      response->set_suppressed(true);
      return grpc::Status::OK;
    };
    tls_.ca_file = Write("ca", server_.cert);
    tls_.cert_file = Write("cert", client_.cert);
    tls_.key_file = Write("key", client_.key);
    tls_.server_name = kServerName;
  }
  ~TlsTest() override {
    for (const std::string& file : files_) unlink(file.c_str());
  }

  // The server wants a certificate and trusts only the client's.
  std::shared_ptr<grpc::ServerCredentials> ServerCredentials() {
    grpc::SslServerCredentialsOptions options(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    options.pem_root_certs = client_.cert;
    options.pem_key_cert_pairs.push_back({server_.key, server_.cert});
    return grpc::SslServerCredentials(options);
  }

  std::string Write(const std::string& name, const std::string& text) {
    files_.push_back(::testing::TempDir() + "suppression_tls_" + std::to_string(getpid()) + "_" + name + ".pem");
    std::ofstream(files_.back()) << text;
    return files_.back();
  }

  absl::Status Check() {
    ClientOptions options = service_.ClientOptions();
    options.tls = tls_;
    const absl::StatusOr<Client> client = Client::Create(options);
    return client.ok() ? client->IsSuppressed("a@example.com").status() : client.status();
  }

  Identity server_, client_, stranger_;
  FakeService service_;
  TlsOptions tls_;
  std::vector<std::string> files_;
};

TEST_F(TlsTest, BothSidesAreVerified) {
  const absl::Status status = Check();
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(TlsTest, AServerThatOurAuthorityDoesNotVouchForIsRefused) {
  tls_.ca_file = Write("other_ca", stranger_.cert);
  EXPECT_TRUE(absl::IsUnavailable(Check()));
}

TEST_F(TlsTest, AServerOfAnotherNameIsRefused) {
  tls_.server_name = "else.test";
  EXPECT_TRUE(absl::IsUnavailable(Check()));
}

TEST_F(TlsTest, TheClientsCertificateIsPresented) {
  tls_.cert_file = Write("other_cert", stranger_.cert);
  tls_.key_file = Write("other_key", stranger_.key);
  EXPECT_TRUE(absl::IsUnavailable(Check()));
}

TEST_F(TlsTest, FilesThatChangeAreTakenByAClientThatIsThere) {
  tls_.cert_file = Write("our_cert", stranger_.cert);
  tls_.key_file = Write("our_key", stranger_.key);
  ClientOptions options = service_.ClientOptions();
  options.tls = tls_;
  const absl::StatusOr<Client> client = Client::Create(options);
  ASSERT_TRUE(client.ok()) << client.status();
  EXPECT_TRUE(absl::IsUnavailable(client->IsSuppressed("a@example.com").status()));
  std::ofstream(tls_.cert_file) << client_.cert;  // for a moment not the key's
  EXPECT_FALSE(client->IsSuppressed("a@example.com").ok());
  std::ofstream(tls_.key_file) << client_.key;
  const absl::Time deadline = absl::Now() + absl::Minutes(5);
  absl::Status status;
  do {
    status = client->IsSuppressed("a@example.com").status();
  } while (!status.ok() && absl::Now() < deadline);
  EXPECT_TRUE(status.ok()) << status;
  std::ofstream(tls_.cert_file) << "nonsense";
  EXPECT_TRUE(client->IsSuppressed("a@example.com").ok()) << "what cannot be used changes nothing";
}

TEST_F(TlsTest, FilesThatCannotBeUsedMakeNoClient) {
  ClientOptions options = service_.ClientOptions();
  options.tls = tls_;
  options.tls->key_file = Write("foreign_key", stranger_.key);
  EXPECT_EQ(Client::Create(options).status().code(), absl::StatusCode::kFailedPrecondition);
  options.tls->key_file = "/nowhere/key.pem";
  EXPECT_EQ(Client::Create(options).status().code(), absl::StatusCode::kNotFound);
  options.tls = tls_;
  options.token_file = Write("token", "two words\n");
  EXPECT_EQ(Client::Create(options).status().code(), absl::StatusCode::kFailedPrecondition);
  options.token_file = "/nowhere/token";
  EXPECT_EQ(Client::Create(options).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(TlsTest, PlaintextGetsNoAnswer) {
  ClientOptions options = service_.ClientOptions();
  options.deadline = absl::Seconds(2);
  const absl::Status status = Client::Create(options)->IsSuppressed("a@example.com").status();
  EXPECT_TRUE(absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status)) << status;
}

}  // namespace
}  // namespace suppressd
