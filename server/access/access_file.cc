#include "server/access/access_file.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/bounces/rules/names.h"
#include "server/bounces/rules/yaml_reader.h"

namespace suppressd {
namespace {

// An address as IPv6 has it; an IPv4 address is ::ffff:a.b.c.d.
bool ReadAddress(const std::string& text, uint8_t address[16], bool* is_v4) {
  in_addr v4{};
  *is_v4 = inet_pton(AF_INET, text.c_str(), &v4) == 1;
  if (!*is_v4) return inet_pton(AF_INET6, text.c_str(), address) == 1;
  std::memset(address, 0, 10);
  std::memset(address + 10, 0xff, 2);
  std::memcpy(address + 12, &v4, 4);
  return true;
}

bool SamePrefix(const uint8_t* a, const uint8_t* b, int bits) {
  if (std::memcmp(a, b, static_cast<size_t>(bits / 8)) != 0) return false;
  if (bits % 8 == 0) return true;
  const int mask = 0xff00 >> (bits % 8) & 0xff;
  return ((a[bits / 8] ^ b[bits / 8]) & mask) == 0;
}

bool IsIdentityName(const std::string& name) {
  return !name.empty() && name.size() <= kIdentityNameBytesMax && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           absl::string_view("._-:/@").find(c) != absl::string_view::npos;
  });
}

std::string RoleNames() {
  std::string names;
  for (const Role& role : Roles()) absl::StrAppend(&names, names.empty() ? "" : ", ", role.name);
  return names;
}

}  // namespace

std::optional<Network> Network::Parse(const std::string& text) {
  Network network;
  const size_t slash = text.find('/');
  bool is_v4 = false;
  if (!ReadAddress(text.substr(0, slash), network.address, &is_v4)) return std::nullopt;
  int bits = is_v4 ? 32 : 128;
  if (slash != std::string::npos) {
    const int most = bits;
    if (!absl::SimpleAtoi(text.substr(slash + 1), &bits) || bits < 0 || bits > most) return std::nullopt;
  }
  network.prefix_bits = is_v4 ? 96 + bits : bits;
  Network bare = network;
  for (int bit = network.prefix_bits; bit < 128; ++bit)
    bare.address[bit / 8] &= static_cast<uint8_t>(~(0x80 >> bit % 8));
  if (std::memcmp(bare.address, network.address, sizeof(network.address)) != 0) return std::nullopt;
  return network;
}

bool Network::Contains(const std::string& ip) const {
  uint8_t other[16] = {};
  bool is_v4 = false;
  return ReadAddress(ip, other, &is_v4) && SamePrefix(address, other, prefix_bits);
}

Permissions Identity::For(absl::string_view tenant) const {
  Permissions permissions = 0;
  for (const Grant& grant : grants) {
    if (grant.tenants.contains("*") || grant.tenants.contains(std::string(tenant))) permissions |= grant.permissions;
  }
  return permissions;
}

Permissions Identity::ForAll() const {
  Permissions permissions = 0;
  for (const Grant& grant : grants) {
    if (grant.tenants.contains("*")) permissions |= grant.permissions;
  }
  return permissions;
}

AccessFile::Found AccessFile::ByClaims(const Claims& claims) const {
  const auto has = [&](const std::pair<const std::string, std::string>& wanted) {
    const auto found = claims.find(wanted.first);
    return found != claims.end() && found->second == wanted.second;
  };
  for (const auto& [wanted, identity] : claims_) {
    if (std::all_of(wanted.begin(), wanted.end(), has)) return identity;
  }
  return nullptr;
}

// Reads one file. What names an identity points at it once it is whole.
class AccessFileReader {
 public:
  explicit AccessFileReader(absl::string_view name) : yaml_(name) {}

  absl::StatusOr<AccessFile> Read(absl::string_view text) {
    const absl::StatusOr<YAML::Node> root = yaml_.Parse(text);
    if (!root.ok()) return root.status();
    absl::Status status = yaml_.ForEachEntry(*root, "the file", [&](const std::string& key, const YAML::Node& value) {
      if (key != "identities") return Unknown(value, key, "identities");
      return yaml_.ForEachItem(value, "identities", [&](const YAML::Node& item) { return ReadIdentity(item); });
    });
    if (!status.ok()) return status;
    if (file_.names_.empty()) return yaml_.Error(*root, "there is no identity: nobody could call");
    return std::move(file_);
  }

 private:
  absl::Status Unknown(const YAML::Node& node, const std::string& key, absl::string_view wanted) const {
    return yaml_.Error(node, absl::StrCat("unknown key \"", key, "\"; wanted: ", wanted));
  }

  absl::Status ReadIdentity(const YAML::Node& node) {
    if (file_.names_.size() >= kIdentitiesMax) return yaml_.Error(node, "more than 10,000 identities");
    auto identity = std::make_shared<Identity>();
    if (absl::Status status = ReadKeys(node, identity); !status.ok()) return status;
    if (identity->name.empty()) return yaml_.Error(node, "the identity has no name");
    if (identity->grants.empty()) return yaml_.Error(node, "the identity has no grants");
    std::set<std::string> tenants;
    for (const Grant& grant : identity->grants) tenants.insert(grant.tenants.begin(), grant.tenants.end());
    if (tenants.size() == 1 && *tenants.begin() != "*") identity->only_tenant = *tenants.begin();
    if (!file_.names_.emplace(identity->name, identity).second) {
      return yaml_.Error(node, absl::StrCat("a second identity is named \"", identity->name, "\""));
    }
    return absl::OkStatus();
  }

  absl::Status ReadKeys(const YAML::Node& node, const std::shared_ptr<Identity>& identity) {
    return yaml_.ForEachEntry(node, "the identity", [&](const std::string& key, const YAML::Node& value) {
      if (key == "name") return ReadName(value, &identity->name);
      if (key == "certificates") return ReadCertificates(value, identity);
      if (key == "tokens") return ReadTokens(value, identity);
      if (key == "jwt") return ReadJwt(value, identity);
      if (key == "unix") return ReadUnix(value, identity);
      if (key == "networks") return ReadNetworks(value, identity.get());
      if (key == "grants") return ReadGrants(value, identity.get());
      return Unknown(value, key, "name, certificates, tokens, jwt, unix, networks, grants");
    });
  }

  absl::Status ReadName(const YAML::Node& node, std::string* name) const {
    if (absl::Status status = yaml_.ReadString(node, "name", name); !status.ok()) return status;
    if (IsIdentityName(*name)) return absl::OkStatus();
    return yaml_.Error(node, "the name is not 1 to 128 of A-Z a-z 0-9 . _ - : / @");
  }

  // A list of texts, each given to `take`.
  absl::Status ReadList(const YAML::Node& node, absl::string_view what,
                        const std::function<absl::Status(const YAML::Node&, const std::string&)>& take) const {
    if (node.IsSequence() && node.size() > kAccessItemsMax) {
      return yaml_.Error(node, absl::StrCat(what, " has more than 1,000 items"));
    }
    return yaml_.ForEachItem(node, what, [&](const YAML::Node& item) {
      std::string text;
      if (absl::Status status = yaml_.ReadString(item, what, &text); !status.ok()) return status;
      if (text.empty() || text.size() > kAccessTextBytesMax) {
        return yaml_.Error(item, absl::StrCat(what, " has a text that is empty or longer than 2,048 bytes"));
      }
      return take(item, text);
    });
  }

  template <typename Key>
  absl::Status Claim(const YAML::Node& node, std::map<Key, AccessFile::Found>* map, const Key& key,
                     const std::shared_ptr<Identity>& identity) const {
    if (map->emplace(key, identity).second) return absl::OkStatus();
    return yaml_.Error(node, absl::StrCat("\"", key, "\" is named a second time"));
  }

  absl::Status ReadCertificates(const YAML::Node& node, const std::shared_ptr<Identity>& identity) {
    return ReadList(node, "certificates", [&](const YAML::Node& item, const std::string& text) {
      if (!absl::StartsWith(text, "uri:") && !absl::StartsWith(text, "dns:")) {
        return yaml_.Error(item,
                           "a certificate is known by \"uri:...\" or \"dns:...\", a name among its subjectAltNames");
      }
      return Claim(item, &file_.certificates_, text, identity);
    });
  }

  absl::Status ReadTokens(const YAML::Node& node, const std::shared_ptr<Identity>& identity) {
    return ReadList(node, "tokens", [&](const YAML::Node& item, const std::string& text) {
      return Claim(item, &file_.tokens_, text, identity);
    });
  }

  absl::Status ReadJwt(const YAML::Node& node, const std::shared_ptr<Identity>& identity) {
    if (node.IsSequence() && node.size() > kAccessItemsMax) return yaml_.Error(node, "jwt has more than 1,000 items");
    return yaml_.ForEachItem(node, "jwt", [&](const YAML::Node& item) {
      Claims claims;
      absl::Status status = yaml_.ForEachEntry(item, "jwt", [&](const std::string& key, const YAML::Node& value) {
        return yaml_.ReadString(value, "a claim", &claims[key == "subject" ? "sub" : key]);
      });
      if (!status.ok()) return status;
      if (claims.empty()) return yaml_.Error(item, "no claim is named: every token would do");
      file_.claims_.emplace_back(std::move(claims), identity);
      return absl::OkStatus();
    });
  }

  absl::Status ReadUnix(const YAML::Node& node, const std::shared_ptr<Identity>& identity) {
    if (node.IsSequence() && node.size() > kAccessItemsMax) return yaml_.Error(node, "unix has more than 1,000 items");
    return yaml_.ForEachItem(node, "unix", [&](const YAML::Node& item) {
      if (!item.IsMap() || item.size() != 1) return yaml_.Error(item, "wanted: {uid: NUMBER} or {gid: NUMBER}");
      return yaml_.ForEachEntry(item, "unix", [&](const std::string& key, const YAML::Node& value) {
        uint32_t number = 0;
        if (!value.IsScalar() || !absl::SimpleAtoi(value.Scalar(), &number)) {
          return yaml_.Error(value, absl::StrCat(key, " is not a number from 0 to 4294967295"));
        }
        if (key == "uid") return Claim(value, &file_.users_, number, identity);
        if (key == "gid") return Claim(value, &file_.groups_, number, identity);
        return Unknown(value, key, "uid, gid");
      });
    });
  }

  absl::Status ReadNetworks(const YAML::Node& node, Identity* identity) const {
    return ReadList(node, "networks", [&](const YAML::Node& item, const std::string& text) {
      const std::optional<Network> network = Network::Parse(text);
      if (!network.has_value()) {
        return yaml_.Error(item, absl::StrCat("\"", text, "\" is no network such as 10.0.0.0/8 or fd00::/8"));
      }
      identity->networks.push_back(*network);
      return absl::OkStatus();
    });
  }

  absl::Status ReadGrants(const YAML::Node& node, Identity* identity) const {
    if (node.IsSequence() && node.size() > kAccessItemsMax)
      return yaml_.Error(node, "grants has more than 1,000 items");
    return yaml_.ForEachItem(node, "grants", [&](const YAML::Node& item) {
      Grant grant;
      grant.line = item.Mark().line + 1;
      absl::Status status = yaml_.ForEachEntry(item, "the grant", [&](const std::string& key, const YAML::Node& value) {
        if (key == "roles") return ReadRoles(value, &grant);
        if (key == "tenants") return ReadTenants(value, &grant);
        return Unknown(value, key, "roles, tenants");
      });
      if (!status.ok()) return status;
      if (grant.roles.empty()) return yaml_.Error(item, "the grant has no roles");
      if (grant.tenants.empty()) return yaml_.Error(item, "the grant has no tenants (\"*\" is all of them)");
      identity->grants.push_back(std::move(grant));
      return absl::OkStatus();
    });
  }

  absl::Status ReadRoles(const YAML::Node& node, Grant* grant) const {
    return ReadList(node, "roles", [&](const YAML::Node& item, const std::string& text) {
      const Role* const role = FindRole(text);
      if (role == nullptr) return yaml_.Error(item, absl::StrCat("unknown role \"", text, "\"; wanted: ", RoleNames()));
      grant->roles.insert(text);
      grant->permissions |= role->permissions;
      return absl::OkStatus();
    });
  }

  absl::Status ReadTenants(const YAML::Node& node, Grant* grant) const {
    return ReadList(node, "tenants", [&](const YAML::Node& item, const std::string& text) {
      if (text != "*" && !IsName(text)) {
        return yaml_.Error(item,
                           absl::StrCat("\"", text,
                                        "\" is neither \"*\" nor a tenant: 1 to 63 of a-z 0-9 . _ -, starting with "
                                        "a letter or digit"));
      }
      grant->tenants.insert(text);
      return absl::OkStatus();
    });
  }

  const YamlReader yaml_;
  AccessFile file_;
};

absl::StatusOr<AccessFile> AccessFile::Parse(absl::string_view name, absl::string_view text) {
  return AccessFileReader(name).Read(text);
}

}  // namespace suppressd
