// A provider's JSON event that came by mail instead of by webhook: Amazon SNS sends the notifications of SES to
// subscribers by e-mail, with words behind the JSON.
#pragma once

#include <vector>

#include "server/mail/mime_mail.h"
#include "server/rules/classifier.h"
#include "server/rules/reported.h"

namespace suppression {

// What the event says, as ReadProviderEvent reads it, its signature not verified. Empty: the first text of the mail
// does not begin with such an event, or the event is about nobody. JSON whose long lines were broken on the way is
// mended.
std::vector<ReportedRecipient> ReadNotificationMail(const MimeMail& mail, const Classifier& classifier);

}  // namespace suppression
