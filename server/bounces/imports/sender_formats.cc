// Lists of Amazon SES, SendGrid and Mailgun.
#include <algorithm>
#include <string>

#include "absl/strings/str_split.h"
#include "server/bounces/imports/list_layout.h"

namespace suppressd {
namespace {

using v1::Cause;

constexpr absl::string_view kSes = "ses";
constexpr absl::string_view kSendgrid = "sendgrid";
constexpr absl::string_view kMailgun = "mailgun";

void SetSesReason(absl::string_view reason, ListRow& row) {
  if (ListRow::Is(reason, {"BOUNCE"})) return row.SetTypeAndReason(Cause::HARD_BOUNCE);
  if (ListRow::Is(reason, {"COMPLAINT"})) return row.SetTypeAndReason(Cause::COMPLAINT);
  row.Bad("reason", "expected BOUNCE or COMPLAINT");
}

void ReadSes(ListRow& row) {
  SetSesReason(row.Text("reason|2"), row);
}

bool IsSesImport(const ListRecord& first) {
  return first.size() == 2 && LooksLikeAddress(first[0].value) && ListRow::Is(first[1].value, {"BOUNCE", "COMPLAINT"});
}

void ReadBounce(ListRow& row) {
  row.SetTypeAndReason(Cause::HARD_BOUNCE);
}

// SendGrid goes on sending to those that it lists as blocked.
void ReadSendgridBlock(ListRow& row) {
  row.SetTypeAndReason(Cause::SOFT_BOUNCE);
  row.row().set_record_only(true);
}

void ReadSendgridInvalid(ListRow& row) {
  const std::string& why = row.row().diagnostic();
  const bool is_domain = ContainsWord(why, "domain") && ContainsWord(why, "unknown");
  row.SetTypeAndReason(Cause::HARD_BOUNCE, is_domain ? v1::DOMAIN_NOT_FOUND : v1::ADDRESS_NOT_FOUND);
}

void ReadComplaint(ListRow& row) {
  row.SetTypeAndReason(Cause::COMPLAINT);
}

void ReadUnsubscribe(ListRow& row) {
  row.SetTypeAndReason(Cause::UNSUBSCRIBE);
}

void ReadSendgridGroup(ListRow& row) {
  const std::string id = row.Text("group_id");
  const std::string name = row.Text("group_name|group");
  row.SetTypeAndReason(Cause::UNSUBSCRIBE);
  if (!name.empty()) {
    row.AddStream(name);
    row.AddNote("group_id", id);
  } else if (!id.empty()) {
    row.AddStream("group-" + id);
  } else if (row.context().options.stream.empty()) {
    row.context().remarks.Say(
        "rows that name no group were taken as unsubscriptions from all mail; --stream names the group");
  }
}

// "*" is all mail, and so is nothing. A table has several tags in one value, perhaps in brackets and quotes.
void ReadMailgunUnsubscribe(ListRow& row) {
  row.SetTypeAndReason(Cause::UNSUBSCRIBE);
  for (const std::string& tags : row.Texts("tags|tag")) {
    for (absl::string_view tag : absl::StrSplit(tags, ',')) {
      constexpr absl::string_view kAround = " []\"'";
      tag.remove_prefix(std::min(tag.find_first_not_of(kAround), tag.size()));
      tag = tag.substr(0, tag.find_last_not_of(kAround) + 1);
      row.AddStream(tag);
    }
  }
}

constexpr ListLayout kLayouts[] = {
    {.format = {"ses-list", kSes, "Amazon SES: ListSuppressedDestinations or GetSuppressedDestination, JSON"},
     .needs = "emailaddress reason lastupdatetime",
     .address = "emailaddress",
     .happened_at = "lastupdatetime",
     .read = ReadSes},
    {.format = {"ses-import", kSes, "Amazon SES: file of an import job, CSV without header or JSON lines"},
     .needs = "emailaddress reason",
     .only_these = true,
     .fits = IsSesImport,
     .address = "emailaddress|1",
     .read = ReadSes},
    {.format = {"sendgrid-bounces", kSendgrid, "SendGrid: bounces, CSV or JSON"},
     .needs = "status reason email created",
     .address = "email",
     .happened_at = "created",
     .diagnostic = "reason",
     .status = "status",
     .read = ReadBounce},
    {.format = {"sendgrid-blocks", kSendgrid, "SendGrid: blocks, CSV or JSON"},
     .needs = "status reason email created",
     .address = "email",
     .happened_at = "created",
     .diagnostic = "reason",
     .status = "status",
     .read = ReadSendgridBlock},
    {.format = {"sendgrid-invalid", kSendgrid, "SendGrid: invalid addresses, CSV or JSON"},
     .needs = "reason email created",
     .only_these = true,
     .address = "email",
     .happened_at = "created",
     .diagnostic = "reason",
     .read = ReadSendgridInvalid},
    {.format = {"sendgrid-spam", kSendgrid, "SendGrid: spam reports, CSV or JSON"},
     .needs = "ip email created",
     .only_these = true,
     .address = "email",
     .happened_at = "created",
     .ignored = "ip",
     .read = ReadComplaint},
    {.format = {"sendgrid-unsubscribes", kSendgrid, "SendGrid: global unsubscribes, CSV or JSON"},
     .needs = "email created",
     .only_these = true,
     .address = "email",
     .happened_at = "created",
     .read = ReadUnsubscribe},
    {.format = {"sendgrid-groups", kSendgrid, "SendGrid: unsubscribes from groups, CSV or JSON"},
     .needs = "email group_id|group_name",
     .enough = "email",
     .address = "email",
     .happened_at = "created_at|created",
     .read = ReadSendgridGroup},
    {.format = {"mailgun-bounces", kMailgun, "Mailgun: bounces, CSV or JSON"},
     .needs = "address code error created_at|createdat",
     .address = "address",
     .happened_at = "created_at|createdat",
     .diagnostic = "error",
     .status = "code",
     .ignored = "messagehash",
     .read = ReadBounce},
    {.format = {"mailgun-complaints", kMailgun, "Mailgun: complaints, CSV or JSON"},
     .needs = "address created_at|createdat",
     .only_these = true,
     .address = "address",
     .happened_at = "created_at|createdat",
     .ignored = "messagehash|count",
     .read = ReadComplaint},
    {.format = {"mailgun-unsubscribes", kMailgun, "Mailgun: unsubscribes, CSV or JSON"},
     .needs = "address tags|tag created_at|createdat",
     .address = "address",
     .happened_at = "created_at|createdat",
     .ignored = "id",
     .read = ReadMailgunUnsubscribe},
};

}  // namespace

absl::Span<const ListLayout> SenderLayouts() {
  return kLayouts;
}

}  // namespace suppressd
