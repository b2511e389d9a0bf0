#include "server/bounces/rules/provider_event.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/error.h"

namespace suppressd {
namespace {

struct Provider {
  absl::string_view name;
  absl::Status (*read)(const JsonValue& payload, ProviderReports* reports);
};

constexpr Provider kProviders[] = {{"ses", ReadSes},
                                   {"sendgrid", ReadSendgrid},
                                   {"mailgun", ReadMailgun},
                                   {"postmark", ReadPostmark},
                                   {"sparkpost", ReadSparkpost}};

absl::Status UnknownProvider() {
  const std::string names = absl::StrJoin(
      kProviders, ", ", [](std::string* out, const Provider& provider) { absl::StrAppend(out, provider.name); });
  return InvalidArgument(v1::UNKNOWN_PROVIDER, absl::StrCat("the provider is none of ", names),
                         "provider_event.provider");
}

}  // namespace

absl::StatusOr<std::vector<ReportedRecipient>> ReadProviderEvent(const v1::ProviderEvent& request,
                                                                 const Classifier& classifier,
                                                                 absl::string_view recipient) {
  const auto provider = std::find_if(std::begin(kProviders), std::end(kProviders), [&](const Provider& known) {
    return absl::EqualsIgnoreCase(known.name, request.provider());
  });
  if (provider == std::end(kProviders)) return UnknownProvider();
  const absl::StatusOr<JsonValue> payload = ParseJson(request.payload(), "");
  if (!payload.ok()) return payload.status();
  ProviderReports reports(provider->name, request.signature_verified(), classifier, recipient);
  if (absl::Status status = provider->read(*payload, &reports); !status.ok()) return status;
  return reports.Take();
}

}  // namespace suppressd
