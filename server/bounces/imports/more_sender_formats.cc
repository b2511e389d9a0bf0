// Lists of Postmark, SparkPost, Mandrill and Telnyx.
#include <algorithm>
#include <string>

#include "absl/strings/match.h"
#include "server/bounces/imports/list_layout.h"

namespace suppressd {
namespace {

using v1::Cause;

// The types of Postmark's bounces ("Postmark, Bounce API, bounce types") that say something of the address.
struct PostmarkType {
  absl::string_view type;
  Cause::Type cause;
  v1::BounceReason reason = v1::BOUNCE_REASON_UNSPECIFIED;
  // It suppresses nothing, even where Postmark no longer sends.
  bool record_only = false;
};

constexpr PostmarkType kPostmarkTypes[] = {
    {"HardBounce", Cause::HARD_BOUNCE},
    {"BadEmailAddress", Cause::HARD_BOUNCE, v1::ADDRESS_NOT_FOUND},
    {"Unknown", Cause::HARD_BOUNCE},
    {"SoftBounce", Cause::SOFT_BOUNCE},
    {"DnsError", Cause::SOFT_BOUNCE, v1::MAIL_SERVER_MISCONFIGURED},
    // About the mail or its sender.
    {"SpamNotification", Cause::SOFT_BOUNCE, v1::BOUNCE_REASON_UNSPECIFIED, true},
    {"VirusNotification", Cause::SOFT_BOUNCE, v1::BOUNCE_REASON_UNSPECIFIED, true},
    {"Blocked", Cause::SOFT_BOUNCE, v1::BOUNCE_REASON_UNSPECIFIED, true},
    {"DMARCPolicy", Cause::SOFT_BOUNCE, v1::BOUNCE_REASON_UNSPECIFIED, true},
    {"SpamComplaint", Cause::COMPLAINT},
    {"Unsubscribe", Cause::UNSUBSCRIBE},
    {"ManuallyDeactivated", Cause::MANUAL},
};

void ReadPostmarkSuppression(ListRow& row) {
  const std::string reason = row.Text("suppressionreason");
  const std::string origin = row.Text("origin");
  if (ListRow::Is(reason, {"HardBounce"})) return row.SetTypeAndReason(Cause::HARD_BOUNCE);
  if (ListRow::Is(reason, {"SpamComplaint"})) return row.SetTypeAndReason(Cause::COMPLAINT);
  if (!ListRow::Is(reason, {"ManualSuppression"})) {
    return row.Bad("suppressionreason", "expected HardBounce, SpamComplaint or ManualSuppression");
  }
  const bool by_recipient = ListRow::Is(origin, {"Recipient"});
  row.SetTypeAndReason(by_recipient ? Cause::UNSUBSCRIBE : Cause::MANUAL);
  row.AddNote("origin", origin);
}

void ReadPostmarkBounce(ListRow& row) {
  const std::string said = row.Text("type");
  const bool is_inactive = ListRow::Is(row.Text("inactive"), {"true", "yes", "1"});
  const auto* type = std::find_if(std::begin(kPostmarkTypes), std::end(kPostmarkTypes),
                                  [&](const PostmarkType& known) { return absl::EqualsIgnoreCase(known.type, said); });
  if (type == std::end(kPostmarkTypes)) return row.Skip("its type is none of a bounce, complaint or unsubscription");
  row.SetTypeAndReason(type->cause, type->reason);
  row.row().set_record_only(type->record_only || !is_inactive);
}

void SetSparkpostStream(ListRow& row) {
  const std::string list = row.Text("list_id");
  const std::string type = row.Text("type");
  const bool transactional = ListRow::Is(row.Text("transactional"), {"true", "1", "yes"});
  const bool non_transactional = ListRow::Is(row.Text("non_transactional"), {"true", "1", "yes"});
  if (!list.empty() && list != "0") return row.AddStream(list);
  if (!type.empty()) return row.AddStream(type);
  if (transactional && non_transactional) return row.AddStream("*");
  if (transactional != non_transactional) row.AddStream(transactional ? "transactional" : "non_transactional");
}

void ReadSparkpost(ListRow& row) {
  const std::string source = row.Text("source");
  SetSparkpostStream(row);
  if (ListRow::Is(source, {"Bounce Rule"})) return row.SetTypeAndReason(Cause::HARD_BOUNCE);
  if (ListRow::Is(source, {"Spam Complaint"})) return row.SetTypeAndReason(Cause::COMPLAINT);
  if (ListRow::Is(source, {"List Unsubscribe", "Unsubscribe Link"})) return row.SetTypeAndReason(Cause::UNSUBSCRIBE);
  row.SetTypeAndReason(Cause::MANUAL);
  row.AddNote("source", source);
}

void ReadMandrill(ListRow& row) {
  const std::string reason = row.Text("reason");
  if (ListRow::Is(row.Text("expired"), {"true", "1", "yes"})) return row.Skip("Mandrill says that it has expired");
  if (ListRow::Is(reason, {"hard-bounce"})) return row.SetTypeAndReason(Cause::HARD_BOUNCE);
  if (ListRow::Is(reason, {"soft-bounce"})) return row.SetTypeAndReason(Cause::SOFT_BOUNCE);
  if (ListRow::Is(reason, {"spam"})) return row.SetTypeAndReason(Cause::COMPLAINT);
  if (ListRow::Is(reason, {"unsub"})) return row.SetTypeAndReason(Cause::UNSUBSCRIBE);
  if (ListRow::Is(reason, {"custom"})) return row.SetTypeAndReason(Cause::MANUAL);
  row.Bad("reason", "expected hard-bounce, soft-bounce, spam, unsub or custom");
}

// A tombstone is an entry that was lifted.
void ReadTelnyx(ListRow& row) {
  const std::string reason = row.Text("reason");
  const std::string status = row.Text("status");
  const std::string group = row.Text("group_id");
  row.SetTypeByWord(reason);
  if (row.row().type() == Cause::MANUAL) row.AddNote("reason", reason);
  if (!group.empty()) row.AddStream("group-" + group);
  if (!ListRow::Is(status, {"tombstone"})) {
    if (!ListRow::Is(status, {"active", ""})) row.AddNote("status", status);
    return;
  }
  if (!row.row().has_happened_at()) return row.Skip("it was lifted, and is not said when");
  *row.row().mutable_lifted_at() = row.row().happened_at();
}

constexpr ListLayout kLayouts[] = {
    {.format = {"postmark-suppressions", "postmark", "Postmark: suppressions dump of one message stream, JSON"},
     .needs = "emailaddress suppressionreason",
     .address = "emailaddress",
     .happened_at = "createdat",
     .read = ReadPostmarkSuppression},
    // Subject and Content are what was sent; Name and Description explain the type, the same for everybody.
    {.format = {"postmark-bounces", "postmark", "Postmark: bounces, JSON"},
     .needs = "email type bouncedat",
     .address = "email",
     .happened_at = "bouncedat",
     .diagnostic = "details",
     .stream = "messagestream",
     .ignored = "recordtype|id|typecode|name|serverid|description|from|dumpavailable|canactivate|subject|content",
     .read = ReadPostmarkBounce},
    {.format = {"sparkpost", "sparkpost", "SparkPost (Bird): suppression list, JSON or CSV"},
     .needs = "recipient",
     .address = "recipient",
     .happened_at = "created|updated",
     .diagnostic = "description",
     .read = ReadSparkpost},
    {.format = {"mandrill", "mandrill", "Mandrill: rejects, CSV (unpack the zip file) or JSON"},
     .needs = "email reason created_at last_event_at",
     .address = "email",
     .happened_at = "created_at|last_event_at",
     .expires_at = "expires_at",
     .diagnostic = "detail",
     .read = ReadMandrill},
    {.format = {"telnyx", "telnyx", "Telnyx: suppressions, CSV or JSON"},
     .needs = "to reason status created_at scope|source",
     .address = "to",
     .happened_at = "created_at|updated_at",
     .expires_at = "expires_at",
     .status = "dsn_code",
     .ignored = "id|domain_id",
     .read = ReadTelnyx},
};

}  // namespace

absl::Span<const ListLayout> MoreSenderLayouts() {
  return kLayouts;
}

}  // namespace suppressd
