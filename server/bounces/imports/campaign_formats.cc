// Lists of what sends campaigns: Brevo, Mailchimp, listmonk. What they know of people beside the address is not taken.
#include <string>

#include "absl/strings/match.h"
#include "server/bounces/imports/list_layout.h"

namespace suppressd {
namespace {

using v1::Cause;

constexpr absl::string_view kMailchimpAddress = "email_address|email|e_mail|e_mail_address";

void ReadBrevoContact(ListRow& row) {
  const std::string code = row.Text("reason.code");
  const std::string sender = row.Text("senderemail");
  row.AddNote("reason", row.Text("reason.message"));
  row.AddNote("sender", sender);
  if (absl::StartsWithIgnoreCase(code, "unsubscribed")) return row.SetTypeAndReason(Cause::UNSUBSCRIBE);
  if (ListRow::Is(code, {"hardBounce"})) return row.SetTypeAndReason(Cause::HARD_BOUNCE);
  if (ListRow::Is(code, {"contactFlaggedAsSpam"})) return row.SetTypeAndReason(Cause::COMPLAINT);
  if (ListRow::Is(code, {"adminBlocked"})) return row.SetTypeAndReason(Cause::MANUAL);
  row.Bad("reason.code", "expected hardBounce, contactFlaggedAsSpam, adminBlocked or unsubscribedVia...");
}

void ReadManual(ListRow& row) {
  row.SetTypeAndReason(Cause::MANUAL);
}

// Cleaned is also who bounced softly several times, and the file does not tell them apart.
void ReadMailchimpCleaned(ListRow& row) {
  row.AddNote("campaign", row.Text("clean_campaign_title"));
  row.SetTypeAndReason(Cause::HARD_BOUNCE);
  if (row.context().options.take_soft) return;
  row.row().set_record_only(true);
  row.context().remarks.Say("cleaned addresses were recorded only; --take_soft takes them as hard bounces");
}

void ReadMailchimpUnsubscribed(ListRow& row) {
  row.AddNote("campaign", row.Text("unsub_campaign_title"));
  row.AddNote("reason", row.Text("unsub_reason"));
  row.AddNote("comment", row.Text("unsub_reason_other"));
  row.SetTypeAndReason(Cause::UNSUBSCRIBE);
}

void ReadListmonkSubscriber(ListRow& row) {
  if (!ListRow::Is(row.Text("status"), {"blocklisted", "blacklisted"})) return row.Skip("it is not blocklisted");
  row.SetTypeAndReason(Cause::MANUAL);
}

// What the service behind it said is somewhere in meta, by that service's own names.
void ReadListmonkBounce(ListRow& row) {
  const std::string type = row.Text("type");
  row.AddNote("source", row.Text("source"));
  row.SetDiagnostic(
      row.TextBelow("meta", "diagnosticcode|diagnostic_code|diagnostic|smtp_response|response|details|error|reason"));
  if (ListRow::Is(type, {"complaint"})) return row.SetTypeAndReason(Cause::COMPLAINT);
  if (ListRow::Is(type, {"hard"})) return row.SetTypeAndReason(Cause::HARD_BOUNCE);
  if (!ListRow::Is(type, {"soft"})) return row.Bad("type", "expected hard, soft or complaint");
  row.SetTypeAndReason(Cause::SOFT_BOUNCE);
  row.row().set_record_only(true);
}

constexpr ListLayout kLayouts[] = {
    {.format = {"brevo-contacts", "brevo", "Brevo: blocked contacts, JSON"},
     .needs = "email reason.code blockedat",
     .address = "email",
     .happened_at = "blockedat",
     .read = ReadBrevoContact},
    {.format = {"brevo-domains", "brevo", "Brevo: blocked domains, JSON"},
     .needs = "domains",
     .only_these = true,
     .address = "",
     .read =
         [](ListRow& row) {
           row.SetDomain(row.Text("domains"));
           ReadManual(row);
         }},
    {.format = {"mailchimp-cleaned", "mailchimp", "Mailchimp: cleaned contacts, CSV"},
     .needs = "clean_time clean_campaign_id|leid|euid",
     .enough = "clean_time",
     .address = kMailchimpAddress,
     .happened_at = "clean_time",
     .read = ReadMailchimpCleaned,
     .note = false},
    {.format = {"mailchimp-unsubscribed", "mailchimp", "Mailchimp: unsubscribed contacts, CSV"},
     .needs = "unsub_time unsub_campaign_id|leid|euid",
     .enough = "unsub_time",
     .address = kMailchimpAddress,
     .happened_at = "unsub_time",
     .read = ReadMailchimpUnsubscribed,
     .note = false},
    {.format = {"listmonk-subscribers", "listmonk", "listmonk: export of subscribers, CSV"},
     .needs = "uuid email status created_at updated_at",
     .address = "email",
     .happened_at = "updated_at",
     .read = ReadListmonkSubscriber,
     .note = false},
    {.format = {"listmonk-bounces", "listmonk", "listmonk: bounces, JSON"},
     .needs = "email type source created_at subscriber_uuid|subscriber_id|campaign.id|campaign",
     .enough = "email type created_at",
     .address = "email",
     .happened_at = "created_at",
     .read = ReadListmonkBounce,
     .note = false},
};

}  // namespace

absl::Span<const ListLayout> CampaignLayouts() {
  return kLayouts;
}

}  // namespace suppressd
