#include "client/suppressctl/filter_options.h"

#include "client/suppressctl/parse.h"

namespace suppressd::suppressctl {

bool FilterOptions::any() const {
  return stream.has_value() || !(reason + type + domain + source + prefix + contains + from + before + state).empty();
}

void AddFilterOptions(CLI::App* command, FilterOptions* options, const std::string& state_default) {
  command->add_option("--reason", options->reason,
                      "Only with a cause of this bounce reason, or of one of several: MAILBOX_FULL,MAILBOX_INACTIVE");
  command->add_option("--type", options->type,
                      "Only with a cause of this type, or of one of several: COMPLAINT,UNSUBSCRIBE");
  command->add_option("--stream", options->stream, "Only with a cause for this stream; empty: with one for all mail");
  command->add_option("--source", options->source, "Only with a cause from this source");
  command->add_option("--prefix", options->prefix, "Only addresses that begin with this; looks through the list");
  command->add_option("--contains", options->contains,
                      "Only addresses and domains that hold this text, 3 bytes or more; looks through the list");
  command->add_option("--from", options->from, "Only listed at or after this time");
  command->add_option("--before", options->before, "Only listed before this time");
  command->add_option(
      "--state", options->state,
      "SUPPRESSED_NOW, REACTIVATED, EXPIRED, EVER_SUPPRESSED or NEVER_SUPPRESSED [default: " + state_default + "]");
}

void AddDomainOption(CLI::App* command, FilterOptions* options) {
  command->add_option("--domain", options->domain, "Only this domain");
}

absl::StatusOr<SuppressionFilter> MakeFilter(const FilterOptions& options) {
  SuppressionFilter filter;
  filter.domain = options.domain;
  filter.source = options.source;
  filter.stream = options.stream;
  filter.address_prefix = options.prefix;
  filter.address_contains = options.contains;
  absl::Status status = ParseEnums("--reason", options.reason, &filter.reasons);
  status.Update(ParseEnums("--type", options.type, &filter.cause_types));
  status.Update(ParseEnum("--state", options.state, &filter.state));
  status.Update(ParseOptionalTime("--from", options.from, &filter.listed_from));
  status.Update(ParseOptionalTime("--before", options.before, &filter.listed_before));
  if (!status.ok()) return status;
  return filter;
}

}  // namespace suppressd::suppressctl
