#include "server/bounces/rules/code_rules.h"

#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace suppressd {
namespace {

constexpr char kComplaintMeaning[] =
    "The feedback report says that the recipient does not want this mail: the address is suppressed by default.";
constexpr char kNoComplaintMeaning[] =
    "The feedback report is not about what the recipient wants: recorded at most, it never suppresses.";
constexpr char kUnregistered[] = "in use by mailbox providers without a registration";

constexpr CodeRule kCodeRules[] = {
    {"complaint.abuse", "COMPLAINT", kComplaintMeaning, "RFC 5965 section 7.3; also a report without a type"},
    {"complaint.auth-failure", "NOT_A_BOUNCE", kNoComplaintMeaning, "RFC 6591"},
    {"complaint.dmarc", "NOT_A_BOUNCE", kNoComplaintMeaning, kUnregistered},
    {"complaint.fraud", "COMPLAINT", kComplaintMeaning, "RFC 5965 section 7.3"},
    {"complaint.not-spam", "NOT_A_BOUNCE", kNoComplaintMeaning, "RFC 6430"},
    {"complaint.opt-out", "COMPLAINT", kComplaintMeaning, "RFC 5965, drafts before it"},
    {"complaint.opt-out-list", "COMPLAINT", kComplaintMeaning, kUnregistered},
    {"complaint.unknown_type", "NOT_A_BOUNCE",
     "A mail is a feedback report of a type that nobody registered: it need not be a complaint. Recorded at most.",
     "RFC 5965 section 7.3"},
    {"complaint.virus", "NOT_A_BOUNCE", kNoComplaintMeaning, "RFC 5965 section 7.3"},
    {"dsn.not_failed", "NOT_A_BOUNCE",
     "The delivery status says of this recipient that the mail was delivered, relayed, expanded or delayed, whatever "
     "text "
     "goes with it.",
     "RFC 3464 section 2.3.3"},
    {kOutOfMemoryRule, "SOFT UNDETERMINED",
     "The matcher ran out of its memory budget on this reply, so no rule could be asked. Counted like a reply that "
     "nothing knows.",
     "a limit of suppressd"},
    {"mail.delayed", "NOT_A_BOUNCE",
     "The mail says in its subject or its words that it is a warning only: delivery is late and goes on being tried.",
     "RFC 3464 section 2.3.3, action delayed, for mails that say it in words"},
    {"provider.*", "as the provider types the event",
     "A provider's event says by its type what happened, and the text it quotes says nothing better. The rest of the "
     "id "
     "names the provider and the type.",
     "the provider's documentation of its webhooks"},
    {kSuccessRule, "NOT_A_BOUNCE",
     "The reply code is 2xx or 3xx, or there is none and the enhanced code is 2.x.x: the mail was taken, whatever the "
     "text says. Asked before all rules.",
     "RFC 5321 section 4.2.1, RFC 3463"},
    {kUnmatchedRule, "SOFT UNDETERMINED",
     "No rule applies. The failure is counted and never suppresses at once; a rule of your own can teach the text.",
     "RFC 5321 section 4.2.1"},
};

}  // namespace

absl::Span<const CodeRule> CodeRules() {
  return kCodeRules;
}

const CodeRule* FindCodeRule(absl::string_view id) {
  for (const CodeRule& rule : kCodeRules) {
    absl::string_view known = rule.id;
    if (absl::ConsumeSuffix(&known, "*") ? absl::StartsWith(id, known) : id == known) return &rule;
  }
  return nullptr;
}

}  // namespace suppressd
