// The access file: identities, how each is known, and what each may do (docs/access.md). Pure.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/access/permissions.h"

namespace suppressd {

inline constexpr size_t kIdentitiesMax = 10'000;
inline constexpr size_t kIdentityNameBytesMax = 128;
// Ways to be known, grants, networks, tenants or roles: of each, in one list.
inline constexpr size_t kAccessItemsMax = 1'000;
inline constexpr size_t kAccessTextBytesMax = 2'048;

// A network of IPv4 or IPv6, whose addresses are kept as IPv6 has them.
struct Network {
  uint8_t address[16] = {};
  int prefix_bits = 0;  // of 128

  // "10.0.0.0/8", "fd00::/8", or one address. Nothing: it is none, or has bits behind the prefix.
  static std::optional<Network> Parse(const std::string& text);
  // `ip`: an address as text.
  bool Contains(const std::string& ip) const;
};

struct Grant {
  int line = 0;  // where it stands in the file
  Permissions permissions = 0;
  std::set<std::string> roles;
  std::set<std::string> tenants;  // "*": all
};

// Who calls, as the access file names it. Immutable.
struct Identity {
  std::string name;
  std::vector<Grant> grants;
  std::vector<Network> networks;  // where it may call from; none: anywhere
  // The only tenant of all its grants; empty: there are several, or all.
  std::string only_tenant;

  // What it is allowed for a tenant.
  Permissions For(absl::string_view tenant) const;
  // What it is allowed for all tenants at once.
  Permissions ForAll() const;
};

// What a JSON Web Token must say to be an identity's: every claim, as text.
using Claims = std::map<std::string, std::string>;

// A whole file. Immutable.
class AccessFile {
 public:
  // `name` stands in errors, "NAME:LINE: what". INVALID_ARGUMENT.
  static absl::StatusOr<AccessFile> Parse(absl::string_view name, absl::string_view text);

  using Found = std::shared_ptr<const Identity>;
  // Null: nobody is known by this.
  Found ByCertificate(const std::string& name) const { return Find(certificates_, name); }
  Found ByToken(const std::string& name) const { return Find(tokens_, name); }
  Found ByUser(uint32_t uid) const { return Find(users_, uid); }
  Found ByGroup(uint32_t gid) const { return Find(groups_, gid); }
  Found ByName(const std::string& name) const { return Find(names_, name); }
  // The first in the file whose claims are all among these.
  Found ByClaims(const Claims& claims) const;

  size_t size() const { return names_.size(); }
  bool uses_tokens() const { return !tokens_.empty(); }
  bool uses_jwt() const { return !claims_.empty(); }

 private:
  friend class AccessFileReader;
  template <typename Key>
  static Found Find(const std::map<Key, Found>& map, const Key& key) {
    const auto found = map.find(key);
    return found == map.end() ? nullptr : found->second;
  }

  std::map<std::string, Found> names_;
  std::map<std::string, Found> certificates_;
  std::map<std::string, Found> tokens_;
  std::map<uint32_t, Found> users_;
  std::map<uint32_t, Found> groups_;
  std::vector<std::pair<Claims, Found>> claims_;
};

}  // namespace suppressd
