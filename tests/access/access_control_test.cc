#include "server/access/access_control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <sys/stat.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "tests/testing/temp_directory.h"

namespace suppressd {
namespace {

using testing::HasSubstr;

constexpr char kIssuer[] = "https://issuer.example.com";
constexpr char kAudience[] = "suppressd";

std::string Base64(absl::string_view bytes) {
  std::string text;
  absl::WebSafeBase64Escape(bytes, &text);
  return text;
}

// A key on P-256 that signs tokens.
class Signer {
 public:
  explicit Signer(std::string kid) : kid_(std::move(kid)), key_(EVP_EC_gen("P-256")) {}
  ~Signer() { EVP_PKEY_free(key_); }

  std::string Jwk() const {
    return absl::StrCat(R"({"kty":"EC","crv":"P-256","use":"sig","kid":")", kid_, R"(","x":")",
                        Coordinate(OSSL_PKEY_PARAM_EC_PUB_X), R"(","y":")", Coordinate(OSSL_PKEY_PARAM_EC_PUB_Y),
                        "\"}");
  }
  std::string Sign(const std::string& header, const std::string& claims) const {
    const std::string text = absl::StrCat(Base64(header), ".", Base64(claims));
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, key_);
    size_t bytes = 0;
    EVP_DigestSign(context, nullptr, &bytes, reinterpret_cast<const unsigned char*>(text.data()), text.size());
    std::string der(bytes, '\0');
    EVP_DigestSign(context, reinterpret_cast<unsigned char*>(der.data()), &bytes,
                   reinterpret_cast<const unsigned char*>(text.data()), text.size());
    EVP_MD_CTX_free(context);
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    ECDSA_SIG* signature = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(bytes));
    std::string raw(64, '\0');
    BN_bn2binpad(ECDSA_SIG_get0_r(signature), reinterpret_cast<unsigned char*>(raw.data()), 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(signature), reinterpret_cast<unsigned char*>(raw.data()) + 32, 32);
    ECDSA_SIG_free(signature);
    return absl::StrCat(text, ".", Base64(raw));
  }
  std::string Token(const std::string& claims) const {
    return Sign(absl::StrCat(R"({"alg":"ES256","typ":"JWT","kid":")", kid_, "\"}"), claims);
  }

 private:
  std::string Coordinate(const char* name) const {
    BIGNUM* number = nullptr;
    EVP_PKEY_get_bn_param(key_, name, &number);
    std::string bytes(32, '\0');
    BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()), 32);
    BN_free(number);
    return Base64(bytes);
  }

  const std::string kid_;
  EVP_PKEY* const key_;
};

class AccessControlTest : public testing::Test {
 protected:
  AccessControlTest() {
    options_.access_file = directory_ / "access.yaml";
    options_.token_file = directory_ / "tokens";
    options_.jwks_file = directory_ / "jwks.json";
    options_.jwt_issuer = kIssuer;
    options_.jwt_audience = kAudience;
    options_.clock = [this] { return now_; };
    Write(options_.access_file, R"(identities:
- {name: sender, tokens: [sender], jwt: [{subject: sender}], grants: [{roles: [checker], tenants: [shop]}]}
- {name: mtls, certificates: ["dns:mtls"], unix: [{uid: 7}, {gid: 8}], grants: [{roles: [admin], tenants: ["*"]}]}
- {name: inside, tokens: [inside], networks: [10.0.0.0/8], grants: [{roles: [viewer], tenants: [shop]}]}
)");
    Write(options_.token_file, TokenLine("sender", "s3cret") + TokenLine("inside", "1nside") +
                                   TokenLine("stray", "str4y") + "old " + Hex("old") +
                                   " expires=2026-01-01T00:00:00Z\n");
    chmod(options_.token_file.c_str(), 0640);
    Write(options_.jwks_file, absl::StrCat("{\"keys\": [", signer_.Jwk(), "]}"));
  }

  static std::string Hex(const std::string& token) {
    const TokenDigest digest = DigestOf(token);
    return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()));
  }
  static std::string TokenLine(const std::string& name, const std::string& token) {
    return absl::StrCat(name, " ", Hex(token), "\n");
  }
  static void Write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

  std::string Claims(const std::string& more = "") const {
    return absl::StrCat(R"({"iss":")", kIssuer, R"(","aud":[")", kAudience, R"("],"sub":"sender","exp":)",
                        absl::ToUnixSeconds(now_) + 600, more, "}");
  }
  // Who calls with a token: a name, or why not.
  std::string Who(const std::string& bearer) {
    PeerFacts facts;
    facts.bearer = bearer;
    return Who(facts);
  }
  std::string Who(const PeerFacts& facts) {
    const auto identity = control_->Authenticate(facts);
    if (identity.ok()) return (*identity)->name;
    EXPECT_EQ(identity.status().code(), absl::StatusCode::kUnauthenticated);
    return absl::StrCat(ReasonName(ReasonOf(identity.status())), ": ", identity.status().message());
  }
  void Open() {
    auto control = AccessControl::Open(options_);
    ASSERT_TRUE(control.ok()) << control.status();
    control_ = *std::move(control);
  }
  std::string Refusal() {
    const absl::Status status = AccessControl::Open(options_).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  }

  TempDirectory directory_;
  absl::Time now_ = absl::FromUnixSeconds(1'780'000'000);
  Signer signer_{"one"};
  AccessOptions options_;
  std::unique_ptr<AccessControl> control_;
};

TEST_F(AccessControlTest, ATokenNamesItsIdentity) {
  Open();
  EXPECT_EQ(Who("s3cret"), "sender");
  EXPECT_THAT(Who("s3cret "), HasSubstr("IDENTITY_REFUSED"));
  EXPECT_EQ(Who("old"), "IDENTITY_REFUSED: the token has expired");
  EXPECT_EQ(Who("str4y"), "IDENTITY_REFUSED: the access file names no identity for this token");
  EXPECT_THAT(Who(std::string(9000, 'x')), HasSubstr("longer than 8 KiB"));
}

TEST_F(AccessControlTest, ACertificateOrUnixPeerNamesItsIdentity) {
  Open();
  PeerFacts facts;
  EXPECT_THAT(Who(facts), HasSubstr("IDENTITY_REQUIRED"));
  facts.certificate_names = {"uri:other", "dns:mtls"};
  EXPECT_EQ(Who(facts), "mtls");
  facts.certificate_names = {"dns:other"};
  EXPECT_THAT(Who(facts), HasSubstr("IDENTITY_REFUSED"));
  PeerFacts local;
  local.uid = 7;
  local.gid = 1;
  EXPECT_EQ(Who(local), "mtls");
  local.uid = 1;
  EXPECT_THAT(Who(local), HasSubstr("IDENTITY_REFUSED"));
  local.gid = 8;
  EXPECT_EQ(Who(local), "mtls");
}

TEST_F(AccessControlTest, ATokenThatIsWrongIsNotMadeGoodByACertificate) {
  Open();
  PeerFacts facts;
  facts.certificate_names = {"dns:mtls"};
  facts.bearer = "wrong";
  EXPECT_THAT(Who(facts), HasSubstr("IDENTITY_REFUSED"));
  facts.bearer.reset();
  facts.bad_authorization = true;
  EXPECT_THAT(Who(facts), HasSubstr("Bearer TOKEN"));
}

TEST_F(AccessControlTest, AJsonWebTokenNamesItsIdentity) {
  Open();
  const std::string token = signer_.Token(Claims());
  EXPECT_EQ(Who(token), "sender");
  EXPECT_EQ(Who(token), "sender") << "again, from what was remembered";
  now_ += absl::Seconds(600 + 59);
  EXPECT_EQ(Who(token), "sender");
  now_ += absl::Seconds(1);
  EXPECT_EQ(Who(token), "IDENTITY_REFUSED: the token has expired");
}

TEST_F(AccessControlTest, AJsonWebTokenThatIsNotForUsIsRefused) {
  Open();
  const auto claims = [this](absl::string_view issuer, absl::string_view audience, absl::string_view subject,
                             int64_t expires) {
    return absl::StrCat(R"({"iss":")", issuer, R"(","aud":")", audience, R"(","sub":")", subject, R"(","exp":)",
                        absl::ToUnixSeconds(now_) + expires, "}");
  };
  EXPECT_EQ(Who(signer_.Token(claims(kIssuer, kAudience, "sender", 60))), "sender");
  EXPECT_THAT(Who(signer_.Token(claims("https://other", kAudience, "sender", 60))), HasSubstr("another issuer"));
  EXPECT_THAT(Who(signer_.Token(claims(kIssuer, "other", "sender", 60))), HasSubstr("another audience"));
  EXPECT_THAT(Who(signer_.Token(claims(kIssuer, kAudience, "other", 60))), HasSubstr("claims of this token"));
  EXPECT_THAT(Who(signer_.Token(claims(kIssuer, kAudience, "sender", -61))), HasSubstr("has expired"));
  EXPECT_THAT(Who(signer_.Token(Claims(absl::StrCat(",\"nbf\":", absl::ToUnixSeconds(now_) + 61)))),
              HasSubstr("not valid yet"));
  EXPECT_THAT(Who(signer_.Token(R"({"iss":"https://issuer.example.com","aud":"suppressd","sub":"sender"})")),
              HasSubstr("no expiry"));
  EXPECT_THAT(Who(signer_.Token("[]")), HasSubstr("no claims"));
  EXPECT_THAT(Who(signer_.Token("nonsense")), HasSubstr("no claims"));
}

TEST_F(AccessControlTest, AJsonWebTokenOfAnotherKeyOrAlgorithmIsRefused) {
  Open();
  const Signer other("one"), unknown("two");
  EXPECT_THAT(Who(other.Token(Claims())), HasSubstr("the signature of the token is wrong"));
  EXPECT_THAT(Who(unknown.Token(Claims())), HasSubstr("not in the key set"));
  EXPECT_THAT(Who(signer_.Sign(R"({"alg":"RS256","kid":"one"})", Claims())), HasSubstr("not in the key set"));
  EXPECT_THAT(Who(signer_.Sign(R"({"alg":"HS256","kid":"one"})", Claims())), HasSubstr("algorithm"));
  EXPECT_THAT(Who(signer_.Sign(R"({"kid":"one"})", Claims())), HasSubstr("IDENTITY_REFUSED"));
  EXPECT_THAT(Who(signer_.Sign(R"({"alg":"ES256","kid":"one","crit":["exp"],"exp":1})", Claims())), HasSubstr("crit"));
  EXPECT_THAT(Who(absl::StrCat(Base64(R"({"alg":"none"})"), ".", Base64(Claims()), ".")),
              HasSubstr("IDENTITY_REFUSED"));
  std::string changed = signer_.Token(Claims());
  const size_t claims_at = changed.find('.') + 5;
  changed[claims_at] = changed[claims_at] == 'A' ? 'B' : 'A';
  EXPECT_THAT(Who(changed), HasSubstr("IDENTITY_REFUSED"));
}

TEST_F(AccessControlTest, AuthorisationNamesWhatIsMissingAndNotTheTenant) {
  Open();
  PeerFacts facts;
  facts.bearer = "s3cret";
  const auto identity = *control_->Authenticate(facts);
  const auto decide = [&](Permission permission, TenantsAsked tenants) {
    return std::string(Authorize(*identity, permission, tenants, "").message());
  };
  EXPECT_EQ(decide(Permission::kCheck, {false, false, {"shop"}}), "");
  EXPECT_EQ(decide(Permission::kCheck, {false, false, {"shop", "news"}}),
            "no role of sender gives it \"check\" for this tenant");
  EXPECT_EQ(decide(Permission::kReport, {false, false, {"shop"}}),
            "no role of sender gives it \"report\" for this tenant");
  EXPECT_THAT(decide(Permission::kCheck, {false, true, {}}), HasSubstr("for all tenants"));
  EXPECT_EQ(decide(Permission::kCheck, {true, false, {}}), "");
  EXPECT_THAT(decide(Permission::kStatus, {true, false, {}}), HasSubstr("\"status\""));
}

TEST_F(AccessControlTest, AnIdentityWithNetworksCallsFromThereOnly) {
  Open();
  PeerFacts facts;
  facts.bearer = "1nside";
  const auto identity = *control_->Authenticate(facts);
  const TenantsAsked shop{false, false, {"shop"}};
  EXPECT_TRUE(Authorize(*identity, Permission::kList, shop, "10.1.2.3").ok());
  EXPECT_TRUE(Authorize(*identity, Permission::kList, shop, "").ok()) << "a Unix socket is of this machine";
  const absl::Status outside = Authorize(*identity, Permission::kList, shop, "192.0.2.1");
  EXPECT_EQ(ReasonOf(outside), v1::ACCESS_DENIED);
}

TEST_F(AccessControlTest, FilesThatCannotBeUsedTogetherAreRefused) {
  const AccessOptions all = options_;
  options_.jwt_audience.clear();
  EXPECT_THAT(Refusal(), HasSubstr("need each other"));
  options_ = all;
  options_.token_file.clear();
  EXPECT_THAT(Refusal(), HasSubstr("there is no token_file"));
  options_ = all;
  options_.jwks_file = options_.jwt_issuer = options_.jwt_audience = "";
  EXPECT_THAT(Refusal(), HasSubstr("there is no jwks_file"));
  options_ = all;
  options_.access_file.clear();
  EXPECT_THAT(Refusal(), HasSubstr("without access_file"));
  options_ = all;
  options_.access_file = directory_ / "none";
  EXPECT_THAT(Refusal(), HasSubstr("cannot read"));
}

TEST_F(AccessControlTest, ATokenFileThatEveryoneCanReadIsRefused) {
  chmod(options_.token_file.c_str(), 0644);
  EXPECT_THAT(Refusal(), HasSubstr("can be read by everyone"));
}

TEST_F(AccessControlTest, WrongTokenFilesAreRefusedWithTheLine) {
  const std::string good = TokenLine("a", "1");
  for (const auto& [text, what] :
       {std::pair<std::string, std::string>{good + TokenLine("a", "2"), ":2: a second token"},
        {good + TokenLine("b", "1"), ":2: the same token has another name"},
        {good + "\n# note\nb s3cret\n", ":4: the second word is no SHA-256"},
        {"b\n", ":1: wanted: NAME SHA256"},
        {"b " + Hex("b") + " 2026-01-01\n", ":1: the third word is no expiry"}}) {
    Write(options_.token_file, text);
    const std::string refusal = Refusal();
    EXPECT_THAT(refusal, HasSubstr(what));
    EXPECT_THAT(refusal, testing::Not(HasSubstr("s3cret"))) << "a token written down by mistake is not told on";
  }
}

TEST_F(AccessControlTest, WrongKeySetsAreRefused) {
  const std::string jwk = signer_.Jwk();
  for (const auto& [text, what] :
       {std::pair<std::string, std::string>{"nonsense", "no JSON Web Key Set"},
        {"{}", "no JSON Web Key Set"},
        {R"({"keys": []})", "no key that can be used"},
        {R"({"keys": [7]})", "no JSON object"},
        {R"({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AA"}]})", "no key that can be used"},
        {R"({"keys": [{"kty": "oct", "k": "AA"}]})", "secret key"},
        {R"({"keys": [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}]})", "cannot be read"},
        {absl::StrCat("{\"keys\": [", jwk, ",", jwk, "]}"), "two keys of one kid"}}) {
    Write(options_.jwks_file, text);
    EXPECT_THAT(Refusal(), HasSubstr(what)) << text;
  }
}

TEST_F(AccessControlTest, AChangedFileIsTakenAndABrokenOneIsRefusedOnceAndChangesNothing) {
  Open();
  EXPECT_TRUE(control_->Reload(false).empty());
  Write(options_.access_file, "identities: [broken");
  std::vector<AccessControl::Reloaded> reloaded = control_->Reload(false);
  ASSERT_EQ(reloaded.size(), 1u);
  EXPECT_FALSE(reloaded[0].status.ok());
  EXPECT_TRUE(control_->Reload(false).empty()) << "told once";
  EXPECT_EQ(Who("s3cret"), "sender");
  std::filesystem::remove(options_.access_file);
  EXPECT_EQ(control_->Reload(false).size(), 1u) << "gone";
  EXPECT_EQ(Who("s3cret"), "sender");
  Write(options_.access_file,
        "identities:\n- {name: new, tokens: [sender], grants: [{roles: [admin], tenants: [\"*\"]}]}\n");
  reloaded = control_->Reload(false);
  ASSERT_EQ(reloaded.size(), 1u);
  EXPECT_TRUE(reloaded[0].status.ok()) << reloaded[0].status;
  EXPECT_EQ(Who("s3cret"), "new");
}

TEST_F(AccessControlTest, ANewSymbolicLinkIsAChange) {
  const std::string link = directory_ / "link";
  const std::string second = directory_ / "second.yaml";
  std::filesystem::create_symlink(options_.access_file, link);
  Write(second, "identities:\n- {name: new, tokens: [sender], grants: [{roles: [admin], tenants: [\"*\"]}]}\n");
  options_.access_file = link;
  Open();
  EXPECT_EQ(Who("s3cret"), "sender");
  std::filesystem::create_symlink(second, link + ".new");
  std::filesystem::rename(link + ".new", link);
  EXPECT_EQ(control_->Reload(false).size(), 1u);
  EXPECT_EQ(Who("s3cret"), "new");
}

TEST_F(AccessControlTest, WhatOtherKeysHaveLetInIsLookedAtAgain) {
  Open();
  const std::string token = signer_.Token(Claims());
  EXPECT_EQ(Who(token), "sender");
  const Signer other("two");
  Write(options_.jwks_file, absl::StrCat("{\"keys\": [", other.Jwk(), "]}"));
  ASSERT_EQ(control_->Reload(false).size(), 1u);
  EXPECT_THAT(Who(token), HasSubstr("not in the key set"));
}

}  // namespace
}  // namespace suppressd
