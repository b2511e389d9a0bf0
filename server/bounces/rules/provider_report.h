// What one provider event says of one recipient, and the list of all that a payload says. The providers' own files
// (provider_ses.cc and its neighbours) hold tables and the shape of a payload; what is common to them is here.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/bounces/rules/classifier.h"
#include "server/bounces/rules/json_reader.h"
#include "server/bounces/rules/provider_typing.h"
#include "server/bounces/rules/reported.h"

namespace suppressd {

// Most events of one payload; of an event about several recipients each counts.
inline constexpr size_t kPayloadEventsMax = 1'000;

// Where a provider puts what an event says: paths of members as JsonValue::Member takes them, joined with "|". The
// first that says something counts. Empty: the provider does not say it.
struct FieldMap {
  absl::string_view recipient = "";
  // The text of the SMTP reply.
  absl::string_view diagnostic = "";
  // Reply codes and enhanced status codes, in any order; here all count.
  absl::string_view status = "";
  // The server that replied; of a complaint, who relayed it.
  absl::string_view remote_mta = "";
  absl::string_view message_id = "";
  absl::string_view event_id = "";
  absl::string_view occurred_at = "";
  absl::string_view mail_sent_at = "";
  absl::string_view feedback_type = "";
};

// Texts may be longer than the fields of BounceEvent, within bounds; they are cut when a report is added.
struct ProviderReport {
  std::string recipient;
  std::string diagnostic;
  int code = 0;
  std::string enhanced_code;
  std::string remote_mta;
  std::string message_id;
  // Printable ASCII, at most 224 bytes; "/" and 16 digits may be appended.
  std::string event_id;
  // The event names several recipients, and event_id holds which.
  bool is_one_of_several = false;
  std::string feedback_type;
  std::optional<absl::Time> occurred_at;
  std::optional<absl::Time> mail_sent_at;
};

// Fills in what the report does not say yet. A member of the wrong type counts as absent.
void ReadFields(const JsonValue& event, const FieldMap& fields, ProviderReport* report);

// What a kind of event is to us.
enum class EventUse {
  kFailure,    // a bounce or a refusal: the provider's table and the classifier decide
  kComplaint,  // ClassifyComplaint decides
  kOther,      // no bounce: recorded where it names a recipient
  kNobody,     // about no recipient: skipped
};

struct EventKind {
  // As the provider spells it; compared without regard to case.
  absl::string_view name;
  EventUse use;
};

// Null: not in the table.
const EventKind* FindKind(absl::Span<const EventKind> kinds, absl::string_view name);

// UNKNOWN_EVENT at a place, naming the kinds that are known.
absl::Status UnknownEvent(absl::string_view where, absl::string_view provider, absl::Span<const EventKind> kinds);

// All that a payload says. Not thread-safe.
class ProviderReports {
 public:
  // `provider`, lower case, the classifier and `recipient` (see ReadProviderEvent) must outlive this.
  ProviderReports(absl::string_view provider, bool signature_verified, const Classifier& classifier,
                  absl::string_view recipient);

  absl::string_view provider() const { return provider_; }
  absl::string_view recipient() const { return recipient_; }
  // Why the first was refused, when all were.
  absl::StatusOr<std::vector<ReportedRecipient>> Take();

  // Each fails with BATCH_TOO_LARGE beyond kPayloadEventsMax. `where` is where the recipient should stand: one that
  // bounced or complained must have a name, else MALFORMED_PAYLOAD. What is no bounce whatever the text says is skipped
  // without a name.
  absl::Status AddFailure(const JsonValue& where, ProviderReport report, const ProviderTyping& typing);
  // The empty feedback type is abuse; one that is none is NOT_A_BOUNCE.
  absl::Status AddComplaint(const JsonValue& where, ProviderReport report);
  // NOT_A_BOUNCE by the rule "provider.NAME.RULE"; skipped without a recipient.
  absl::Status AddOther(ProviderReport report, absl::string_view rule);
  // What became of one event or recipient of several. One that could not be taken is refused alone, under the id and
  // recipient of the report; BATCH_TOO_LARGE is about all of them and comes back.
  absl::Status Settle(absl::Status status, ProviderReport report);

 private:
  absl::Status Add(ProviderReport report, v1::Verdict verdict);
  void Name(const ProviderReport& report, ReportedRecipient* named) const;

  const absl::string_view provider_;
  const bool signature_verified_;
  const Classifier& classifier_;
  const absl::string_view recipient_;
  std::vector<ReportedRecipient> recipients_;
  size_t refused_ = 0;
  absl::Status first_refusal_;
};

// Reads the events of an array, each with `read`; one that cannot be taken fails alone. `fields` are those of the event
// that `event_of` finds in an item.
absl::Status ReadBatch(const JsonValue& items, const FieldMap& fields, JsonValue (*event_of)(const JsonValue& item),
                       absl::Status (*read)(const JsonValue& item, ProviderReports* reports), ProviderReports* reports);

// One event that is about one recipient. `type_failure` finds the row for a kFailure.
using FailureTyper = const ProviderTyping& (*)(const JsonValue& event, const EventKind& kind);
absl::Status ReadFlatEvent(const JsonValue& event, const EventKind& kind, const FieldMap& fields,
                           FailureTyper type_failure, ProviderReports* reports);

// BATCH_TOO_LARGE.
absl::Status TooManyEvents();

// The providers. Each reads a whole payload; errors are those of ReadProviderEvent.
absl::Status ReadSes(const JsonValue& payload, ProviderReports* reports);
absl::Status ReadSendgrid(const JsonValue& payload, ProviderReports* reports);
absl::Status ReadMailgun(const JsonValue& payload, ProviderReports* reports);
absl::Status ReadPostmark(const JsonValue& payload, ProviderReports* reports);
absl::Status ReadSparkpost(const JsonValue& payload, ProviderReports* reports);

}  // namespace suppressd
