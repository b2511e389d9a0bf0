// What each format of a list file is: data, and a small function for what is special.
#pragma once

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/bounces/imports/list_file.h"
#include "server/bounces/imports/list_row.h"

namespace suppressd {

// Names are plain (see PlainName); where there are several, apart by "|", the first that has a value counts.
struct ListLayout {
  ListFormat format;
  // By what names a file is recognised, apart by spaces: it has them all. Of two formats the one with more is it.
  absl::string_view needs = "";
  // What is enough where the format is named. Empty: what it needs.
  absl::string_view enough = "";
  // It is not recognised where there are other names than the ones below.
  bool only_these = false;
  // How the first row looks where rows have no names. Null: they always have.
  bool (*fits)(const ListRecord& first) = nullptr;

  absl::string_view address;           // empty: `read` sets a domain
  absl::string_view happened_at = "";  // the latest counts
  absl::string_view expires_at = "";
  absl::string_view diagnostic = "";  // text of a reply; for what is no bounce it goes into the note
  absl::string_view status = "";      // code of a reply, or enhanced code
  absl::string_view stream = "";
  absl::string_view ignored = "";  // neither taken nor kept in the note

  // Sets the type and what else is special: all of the above is set, but for the note. May be called with any values.
  // Null: this is the lossless export, which is read otherwise.
  void (*read)(ListRow& row) = nullptr;
  // Values by other names than these go into the note. False: they are what the service knows of people.
  bool note = true;
};

// By the services' kinds.
absl::Span<const ListLayout> SenderLayouts();      // SES, SendGrid, Mailgun
absl::Span<const ListLayout> MoreSenderLayouts();  // Postmark, SparkPost, Mandrill, Telnyx
absl::Span<const ListLayout> CampaignLayouts();    // Brevo, Mailchimp, listmonk
absl::Span<const ListLayout> PlainLayouts();       // Postal, Cloudflare, COSS, useSend, plain, our own

}  // namespace suppressd
