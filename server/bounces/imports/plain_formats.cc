// Lists of mail servers and small services, plain lists, and our own export.
#include <string>

#include "server/bounces/imports/list_layout.h"
#include "server/bounces/imports/list_times.h"

namespace suppressd {
namespace {

using v1::Cause;

// Postal keeps every address for some time only.
void ReadPostal(ListRow& row) {
  if (!ListRow::Is(row.Text("type"), {"recipient"})) return row.Skip("its type is not recipient");
  const std::string reason = row.Text("reason");
  const bool is_soft = ContainsWord(reason, "soft");
  row.SetTypeAndReason(is_soft ? Cause::SOFT_BOUNCE : Cause::HARD_BOUNCE);
  row.AddNote("reason", reason);
}

// An address, until when, and for what: the columns have no names.
bool IsCloudflare(const ListRecord& first) {
  if (first.size() < 2 || first.size() > 3 || !LooksLikeAddress(first[0].value)) return false;
  return ReadListTime(first[1].value).has_value();
}

void ReadCloudflare(ListRow& row) {
  row.SetTypeAndReason(Cause::MANUAL);
  if (row.row().has_expires_at()) row.context().remarks.Say("the second column was taken as the time of expiry");
  row.AddNote("scope", row.Text("3|scope"));
}

void ReadByReason(ListRow& row) {
  const std::string reason = row.Text("reason");
  row.SetTypeByWord(reason);
  row.AddNote("reason", reason);
}

// A list of anybody's: what its columns are called says what they are.
bool IsPlain(const ListRecord& first) {
  return !first.empty() && LooksLikeAddress(first[0].value);
}

void ReadPlain(ListRow& row) {
  const std::string type = row.Text("type|cause");
  const std::string reason = row.Text("reason");
  row.SetTypeByWord(type.empty() ? reason : type);
  row.AddNote("type", type);
  row.AddNote("reason", reason);
  row.AddNote("note", row.Text("note|notes|comment"));
}

constexpr ListLayout kLayouts[] = {
    {.format = {"postal", "postal", "Postal: table suppressions, by mysql --batch (tabs) or as CSV"},
     .needs = "address type reason timestamp keep_until",
     .address = "address",
     .happened_at = "timestamp",
     .expires_at = "keep_until",
     .ignored = "id",
     .read = ReadPostal},
    {.format = {"cloudflare", "cloudflare", "Cloudflare: address, expiry, scope; CSV without header"},
     .needs = "email expiry",
     .fits = IsCloudflare,
     .address = "1|email",
     .expires_at = "2|expiry",
     .read = ReadCloudflare},
    {.format = {"coss", "coss", "COSS: suppressions, CSV"},
     .needs = "address scope reason created_at email_id",
     .address = "address",
     .happened_at = "created_at",
     .ignored = "email_id|id",
     .read = ReadByReason},
    {.format = {"usesend", "usesend", "useSend: suppressions, CSV"},
     .needs = "email reason created_at",
     .only_these = true,
     .address = "email",
     .happened_at = "created_at",
     .read = ReadByReason},
    // A table of customers has addresses too: what has columns that no list needs is taken only where it is asked for.
    {.format = {"plain", "plain", "Plain: one address a line, or CSV or JSON with an address or email column"},
     .needs = "address|email|e_mail|email_address|emailaddress|mail",
     .only_these = true,
     .fits = IsPlain,
     .address = "address|email|e_mail|email_address|emailaddress|mail|1",
     .happened_at = "created_at|created|happened_at|time|timestamp|date",
     .expires_at = "expires_at|expires|expiry",
     .diagnostic = "diagnostic|diagnostic_code",
     .stream = "stream",
     .ignored = "type|cause|reason|note|notes|comment",
     .read = ReadPlain},
    {.format = {"suppressd", "suppressd", "suppressd: lossless export, JSON lines"}, .address = ""},
};

}  // namespace

absl::Span<const ListLayout> PlainLayouts() {
  return kLayouts;
}

}  // namespace suppressd
