#include "server/bounces/mail/mail_kind.h"

#include <re2/re2.h>

#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/bounces/mail/delivery_status.h"

namespace suppressd {
namespace {

bool Finds(absl::string_view text, const RE2& pattern) {
  return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), pattern);
}

const RE2* Pattern(const char* text) {
  RE2::Options options;
  options.set_case_sensitive(false);
  return new RE2(text, options);
}

// Who writes bounces: a From that names the mail system.
bool IsFromMailSystem(const MimeMail& mail) {
  static const RE2* const kSystem = Pattern(
      R"(mailer-?daemon|post-?_?master|mail(?:\.| )?(?:delivery|administrator|server)\.?(?: |-)?(?:sub)?system|mail delivery|maildelivery|mail\.delivery|delivery[-. _]?(?:notification|subsystem|status|agent|failure)|undeliver|system administrator|microsoft exchange|mdaemon|mail ?system|smtp server)");
  // In a name the word may be anybody's.
  static const RE2* const kBounceAddress = Pattern(R"(bounce[^\s<>@]*@)");
  const absl::string_view from = mail.Header("from");
  return Finds(from, *kSystem) || Finds(from, *kBounceAddress) || !mail.Header("x-failed-recipients").empty();
}

bool IsBounceSubject(absl::string_view subject) {
  static const RE2* const kSubject = Pattern(
      R"(undeliver(?:ed|able)|not deliver(?:ed|able)|returned (?:mail|to sender|message)|return(?:ing)? (?:mail|message)|failure notice|fail(?:ed|ure)[^a-z]{0,3}(?:to deliver|delivery)|deliver(?:y|ies)?[^.]{0,20}(?:fail|error|status|problem|notification|impossible|unsuccessful)|mail (?:delivery )?(?:system )?(?:error|failed|failure|problem)|could ?n.t (?:be )?deliver|could not (?:be )?deliver|error sending your mail|bounced?\b|mail rejected|non(?:-| )?deliver|message (?:status|blocked)|loop alert|user unknown|unknown user|no such user|mailbox (?:is )?full|unzustellbar|nicht zugestellt|zustell(?:ung|fehler|problem)|non (?:remis|distribu|recapitabil|consegnat)|échec|no (?:se ha )?entregad|não (?:foi )?entregue|mancato recapito|配信|配達|送信(?:でき|エラー|失敗)|返送|エラーメール|недоставлен|не доставлен|не удалось доставить|退信|退回|投递失败|반송)");
  return Finds(subject, *kSubject);
}

// What only a bounce says in its text.
bool IsBounceText(absl::string_view notice) {
  static const RE2* const kText = Pattern(
      R"((?:could|can|was|were|is|are|has|have)(?: ?not| ?n.t) (?:be |been )?(?:able to (?:be )?)?(?:successfully )?deliver|unable to deliver|undeliver(?:ed|able)|deliver[a-z]* (?:to [^\n]{0,80} )?(?:has |have |was |is )?(?:fail|imposs|unsuccess)|failed (?:to deliver|permanently|recipient)|permanent (?:fatal )?error|had (?:permanent|delivery|transient)|delivery problems|transcript of session|rejected your message|returned to (?:the )?sender|bounced|not a member of this mailing list|loop alert|no such user|not a valid user|(?:user|address|recipient|mailbox) (?:is )?unknown|unknown (?:user|recipient|address)|(?:address|mailbox|user|account|recipient)[^\n.]{0,60}(?:does not exist|is not valid|is invalid)|mailbox (?:is )?(?:full|unavailable)|over quota|konnte[^\n]{0,60}nicht zugestellt|n.a (?:pas )?pu [^\n]{0,40}(?:remis|délivr|distribu)|no (?:se )?ha podido|não (?:pôde|foi) (?:ser )?entreg|non è stat[oa] [^\n]{0,30}consegn|配信(?:でき|不能|に失敗)|送信(?:でき|に失敗)|お届けでき|配送(?:でき|に失敗)|エラー(?:が発生|のため)|не (?:было |может быть |удалось )?(?:доставлен|доставить)|无法(?:投递|送达|发送)|(?:^|\n)[^\n]{0,120}\b5\d\d[ -]#?5\.\d\.\d{1,3}\b)");
  return Finds(notice, *kText);
}

// Somebody's program answered him who wrote (RFC 3834 section 5): more than that a program wrote at all.
bool IsAutoReplied(const MimeMail& mail) {
  static const RE2* const kReplied = Pattern(R"(^\s*auto-?replied)");
  return Finds(mail.Header("auto-submitted"), *kReplied) || !mail.Header("x-autoreply").empty() ||
         !mail.Header("x-autorespond").empty() || !mail.Header("x-autoresponse").empty() ||
         absl::EqualsIgnoreCase(mail.Header("precedence"), "auto_reply");
}

bool IsAutoReply(const MimeMail& mail) {
  static const RE2* const kSubject = Pattern(
      R"(\bout[- ]of[- ](?:the[- ])?office\b|^\s*(?:re:\s*)?auto(?:matic|mated)?[- ]?(?:reply|response|antwort)?:|automat(?:ic|ed) (?:reply|response)|auto[- ]?reply|autoresponder|vacation|away from|on holiday|abwesen|réponse automatique|respuesta automática|risposta automatica|resposta automática|自動(?:返信|応答)|不在|автоответ|自动(?:回复|答复))");
  static const RE2* const kGenerated = Pattern(R"(^\s*auto-?generated)");
  return IsAutoReplied(mail) || Finds(mail.Header("auto-submitted"), *kGenerated) ||
         Finds(mail.Header("subject"), *kSubject);
}

// A filter that wants the sender to prove himself (TMDA and its kin).
bool IsChallenge(const MimeMail& mail, absl::string_view notice) {
  static const RE2* const kText = Pattern(
      R"((?:confirm|prove|verify) (?:that )?(?:you are|you.re|your (?:message|e-?mail|address)|yourself)[^.;]{0,80}(?:human|person|sender|spam|deliver|genuine)|(?:release|deliver) your message[^.;]{0,80}(?:click|reply|visit|confirm)|challenge[- /]response|requires? (?:sender )?(?:confirmation|verification)[^.;]{0,40}(?:reply|click))");
  static const RE2* const kSubject = Pattern(
      R"(please confirm (?:your|that)|\bverify your (?:message|e-?mail)\b|\bconfirm(?:ation)? (?:required|of your message))");
  if (!mail.Header("x-boxbe-notice").empty() || !mail.Header("x-tmda-fingerprint").empty()) return true;
  return Finds(mail.Header("subject"), *kSubject) || Finds(notice.substr(0, 4'000), *kText);
}

bool IsAnswerSubject(absl::string_view subject) {
  static const RE2* const kAnswer = Pattern(R"(^\s*(?:re|aw|sv|antw|rép|res|odp)\s*(?:\[\d+\])?:)");
  return Finds(subject, *kAnswer);
}

// An answer in a conversation, or a list's post: it may quote a bounce, or write about them.
bool IsFromPeople(const MimeMail& mail, bool bounce_subject) {
  const bool post = !mail.Header("list-id").empty() || !mail.Header("list-unsubscribe").empty();
  const bool answer = !mail.Header("in-reply-to").empty() || !mail.Header("references").empty();
  return post || IsAnswerSubject(mail.Header("subject")) || (answer && !bounce_subject);
}

bool HasPart(const MimeMail& mail, absl::string_view type) {
  return std::any_of(mail.parts.begin(), mail.parts.end(), [&](const MailPart& part) { return part.type == type; });
}

// The header blocks of attached mails, lower case.
std::string ReturnedHeaders(const MimeMail& mail) {
  std::string headers;
  for (const MailPart& part : mail.parts) {
    if (IsAttachedMail(part.type)) absl::StrAppend(&headers, absl::AsciiStrToLower(part.text));
  }
  return headers;
}

// A mail client's answer to List-Unsubscribe (RFC 2369): nothing but the word.
bool IsOptOut(const MimeMail& mail) {
  static const RE2* const kWord = Pattern(R"(^\s*(?:unsubscribe|opt-?out)\s*$)");
  static const RE2* const kTo = Pattern(R"(unsub|opt-?out|remove|leave)");
  return Finds(mail.Header("subject"), *kWord) && Finds(mail.Header("to"), *kTo);
}

bool HasStatusPart(const MimeMail& mail) {
  return HasPart(mail, "message/delivery-status") || HasPart(mail, "message/global-delivery-status") ||
         HasPart(mail, "text/delivery-status");
}

bool HasDeliveryStatus(const MimeMail& mail, absl::string_view notice) {
  if (HasStatusPart(mail)) return true;
  for (const absl::string_view line : absl::StrSplit(notice, '\n')) {
    if (absl::StartsWithIgnoreCase(line, "final-recipient:")) return true;
  }
  return false;
}

}  // namespace

v1::BounceEvent::Kind KindOf(const MimeMail& mail, absl::string_view notice) {
  if (mail.report_type == "feedback-report" || HasPart(mail, "message/feedback-report"))
    return v1::BounceEvent::FEEDBACK_REPORT;
  // Microsoft's complaints have only that header; a bounce of a mail that once was complained of has it too.
  const bool complaint = absl::StrContains(ReturnedHeaders(mail), "x-hmxmroriginalrecipient:");
  const bool bounce = HasStatusPart(mail) || IsFromMailSystem(mail);
  if ((complaint && !bounce) || IsOptOut(mail)) return v1::BounceEvent::FEEDBACK_REPORT;
  // In words the fields of a delivery status may be quoted by people.
  const bool quoted = !HasStatusPart(mail) && !IsFromMailSystem(mail) && IsFromPeople(mail, false);
  if (!quoted && HasDeliveryStatus(mail, notice)) return v1::BounceEvent::DELIVERY_STATUS;
  if (mail.report_type == "disposition-notification" || HasPart(mail, "message/disposition-notification")) {
    return v1::BounceEvent::DISPOSITION_NOTIFICATION;
  }
  const bool system = IsFromMailSystem(mail);
  const bool subject = IsBounceSubject(mail.Header("subject"));
  const bool nobody = mail.Header("from").empty() || mail.Header("from") == "<>";
  if ((system || nobody) && (subject || IsBounceText(notice))) return v1::BounceEvent::BOUNCE_TEXT;
  if (IsChallenge(mail, notice)) return v1::BounceEvent::CHALLENGE;
  // Subjects of answers repeat what people wrote: "Bounced cheque".
  if (IsAutoReply(mail) && !subject) return v1::BounceEvent::AUTO_REPLY;
  if (IsAutoReplied(mail) && !system && !IsBounceText(notice)) return v1::BounceEvent::AUTO_REPLY;
  if (!system && !nobody && IsFromPeople(mail, subject)) return v1::BounceEvent::OTHER_MAIL;
  return system || subject || IsBounceText(notice) ? v1::BounceEvent::BOUNCE_TEXT : v1::BounceEvent::OTHER_MAIL;
}

bool IsPassedOn(const MimeMail& mail) {
  static const RE2* const kForward = Pattern(R"(^\s*(?:fwd?|wg|tr|rv|vs|doorst)\s*:)");
  const absl::string_view subject = mail.Header("subject");
  return IsAnswerSubject(subject) || Finds(subject, *kForward) || !mail.Header("in-reply-to").empty() ||
         !mail.Header("references").empty() || !mail.Header("list-id").empty();
}

bool SaysDelayed(absl::string_view subject, absl::string_view notice) {
  static const RE2* const kSubject = Pattern(
      R"(^\s*delayed\b|^\s*warning\b[^.]{0,100}(?:delay|could not|not (?:yet )?(?:been )?(?:sent|delivered)|still|queue)|deliver[a-z]*[^.]{0,30}\bdelay|\bdelayed\b|could not (?:send|deliver)[^.]{0,20}for (?:the )?(?:past|last)?\s?\d+ ?(?:hours?|minutes?)|still being (?:retried|tried)|verzöger|retard[ée]|配信遅延|遅延)");
  static const RE2* const kText = Pattern(
      R"(warning message only|do(?:es)? not need to re-?send|no action is required|has (?:still )?not yet been delivered|has still not been delivered|not yet been delivered|not been collected|will be re-?tried|(?:we|i|it|which|server|system|messages?) (?:will|.ll) (?:continue|keep|try|retry)|will (?:continue|keep) (?:to )?(?:try|retry|attempt)|attempts? will continue|still trying|(?:delivery|message) (?:has been |is |was )?delayed|wird weiter(?:hin)? versuch|再送(?:信)?を(?:試み|続け|行い)|遅延して)");
  static const RE2* const kOver = Pattern(
      R"(giv(?:en|ing) up|not be (?:re)?tried|no (?:further|more) (?:delivery )?attempts?|failed permanently|permanent (?:fatal )?errors?|could not be delivered|was not delivered|too long)");
  if (Finds(subject, *kSubject)) return true;
  return Finds(notice, *kText) && !Finds(notice, *kOver);
}

}  // namespace suppressd
