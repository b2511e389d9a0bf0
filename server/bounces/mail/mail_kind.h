// What a mail is, before anything is decided about its recipients.
#pragma once

#include "absl/strings/string_view.h"
#include "server/bounces/mail/mime_mail.h"
#include "suppressd/v1/bounce.pb.h"

namespace suppressd {

// FEEDBACK_REPORT, DELIVERY_STATUS, DISPOSITION_NOTIFICATION and AUTO_REPLY go by what RFC 5965, 3464, 8098 and 3834
// say; BOUNCE_TEXT by who wrote it and how; OTHER_MAIL is the rest. `notice` is the text without the returned mail.
v1::BounceEvent::Kind KindOf(const MimeMail& mail, absl::string_view notice);

// Whether a mail is an answer, was forwarded, or went through a list: people pass on what others sent.
bool IsPassedOn(const MimeMail& mail);

// Whether a mail without delivery-status part says that it is only a warning: nothing has failed yet.
bool SaysDelayed(absl::string_view subject, absl::string_view notice);

}  // namespace suppressd
