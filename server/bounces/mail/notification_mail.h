// A provider's JSON event that came by mail instead of by webhook: Amazon SNS sends the notifications of SES to
// subscribers by e-mail, with words behind the JSON.
#pragma once

#include <string>
#include <vector>

#include "server/bounces/mail/mime_mail.h"
#include "server/bounces/rules/classifier.h"
#include "server/bounces/rules/reported.h"

namespace suppressd {

// What the event says, as ReadProviderEvent reads it, its signature not verified. Empty: the first text of the mail
// does not begin with such an event, or the event is about nobody; or neither is the event in an SNS envelope nor the
// mail from Amazon SNS; or somebody passed it on. JSON whose long lines were broken on the way is joined.
//
// `recipient`: whom the mail that the event is about was sent to, where that is known, else empty; used where the event
// is about one and hides or lacks who.
std::vector<ReportedRecipient> ReadNotificationMail(const MimeMail& mail, const std::string& recipient,
                                                    const Classifier& classifier);

}  // namespace suppressd
