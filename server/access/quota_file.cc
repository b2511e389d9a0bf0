#include "server/access/quota_file.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/bounces/rules/names.h"
#include "server/bounces/rules/yaml_reader.h"

namespace suppressd {
namespace {

constexpr std::array<absl::string_view, kQuotaKinds> kKindNames = {"checks", "writes", "listings"};
constexpr char kEveryOther[] = "*";

// Reads one item. Nothing but what it says is limited.
absl::Status ReadItem(const YamlReader& yaml, const YAML::Node& node, std::string* tenant, Quota* quota) {
  absl::Status status = yaml.ForEachEntry(node, "the quota", [&](const std::string& key, const YAML::Node& value) {
    if (key == "tenant") {
      if (absl::Status read = yaml.ReadString(value, "tenant", tenant); !read.ok()) return read;
      if (*tenant == kEveryOther || IsName(*tenant)) return absl::OkStatus();
      return yaml.Error(value, absl::StrCat("\"", *tenant, "\" is no name of a tenant, nor *"));
    }
    for (size_t kind = 0; kind < kKindNames.size(); ++kind) {
      if (key != absl::StrCat(kKindNames[kind], "_per_second")) continue;
      return yaml.ReadNumber(value, key, 1, QuotaFile::kPerSecondMax, &quota->per_second[kind]);
    }
    return yaml.Error(value, absl::StrCat("unknown key \"", key,
                                          "\"; wanted: tenant, checks_per_second, writes_per_second, "
                                          "listings_per_second"));
  });
  if (status.ok() && tenant->empty()) return yaml.Error(node, "the quota has no tenant");
  return status;
}

}  // namespace

absl::string_view QuotaKindName(QuotaKind kind) {
  return kKindNames[static_cast<size_t>(kind)];
}

std::optional<QuotaKind> QuotaKindFor(Permission permission) {
  switch (permission) {
    case Permission::kCheck:
      return QuotaKind::kChecks;
    case Permission::kReport:
    case Permission::kReactivate:
    case Permission::kSuppress:
    case Permission::kConsent:
    case Permission::kImport:
      return QuotaKind::kWrites;
    case Permission::kList:
    case Permission::kDiagnose:
    case Permission::kAudit:
      return QuotaKind::kListings;
    case Permission::kHealth:
    case Permission::kBackUp:
    case Permission::kReplicate:
    case Permission::kStatus:
    case Permission::kReflect:
    case Permission::kInspect:
      return std::nullopt;
  }
  return std::nullopt;
}

absl::StatusOr<QuotaFile> QuotaFile::Parse(absl::string_view name, absl::string_view text) {
  const YamlReader yaml(name);
  const absl::StatusOr<YAML::Node> root = yaml.Parse(text);
  if (!root.ok()) return root.status();
  QuotaFile file;
  bool others = false;
  absl::Status status = yaml.ForEachEntry(*root, "the file", [&](const std::string& key, const YAML::Node& value) {
    if (key != "quotas") return yaml.Error(value, absl::StrCat("unknown key \"", key, "\"; wanted: quotas"));
    return yaml.ForEachItem(value, "quotas", [&](const YAML::Node& item) {
      std::string tenant;
      Quota quota;
      if (absl::Status read = ReadItem(yaml, item, &tenant, &quota); !read.ok()) return read;
      const bool is_new = tenant == kEveryOther ? !std::exchange(others, true) : !file.tenants_.contains(tenant);
      if (!is_new) return yaml.Error(item, absl::StrCat("a second quota of \"", tenant, "\""));
      (tenant == kEveryOther ? file.others_ : file.tenants_[tenant]) = quota;
      return absl::OkStatus();
    });
  });
  if (!status.ok()) return status;
  return file;
}

const Quota& QuotaFile::For(absl::string_view tenant) const {
  const auto found = tenants_.find(tenant);
  return found == tenants_.end() ? others_ : found->second;
}

}  // namespace suppressd
