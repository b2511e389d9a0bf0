#include "server/bounces/mail/judge.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "server/bounces/mail/notice_text.h"
#include "server/bounces/rules/reply_text.h"

namespace suppressd {

Judgement JudgeRecipient(const Classifier& classifier, v1::SmtpReply reply, absl::string_view context) {
  v1::SmtpReply whole = reply;
  const std::string words = WithoutNoise(context);
  whole.set_text(std::string(Utf8Prefix(absl::StripAsciiWhitespace(words), kReplyTextMaxBytes)));
  v1::Verdict around = classifier.Classify(whole);
  if (reply.stage() == v1::SmtpReply::STAGE_UNSPECIFIED) reply.set_stage(around.stage());
  if (reply.text().empty()) reply.set_text(QuotedReply(words));
  if (reply.text().empty()) return {std::move(around), std::move(*whole.mutable_text())};
  v1::Verdict quoted = classifier.Classify(reply);
  const bool quoted_decides =
      !quoted.evidence().empty() || around.evidence().empty() || quoted.bounce_class() == v1::Verdict::SENDER_SIDE;
  if (quoted_decides) return {std::move(quoted), std::move(*reply.mutable_text())};
  return {std::move(around), std::move(*whole.mutable_text())};
}

}  // namespace suppressd
