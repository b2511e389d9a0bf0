#include "server/list/explanations.h"

#include <optional>

namespace suppressd {
namespace {

struct Words {
  const char* meaning;
  const char* action;
};

Words WordsForReason(v1::BounceReason reason) {
  switch (reason) {
    case v1::ADDRESS_NOT_FOUND:
      return {"The mailbox does not exist. Often the address was misspelt or the account was deleted.",
              "Ask the person for the right address. Reactivate only when they confirm that this one receives mail."};
    case v1::BLOCKED_BY_RECIPIENT_SERVER:
      return {"The recipient's mail system refuses all mail from us to this person.",
              "Ask the person, or their mail administrator, to allow our mail; then reactivate."};
    case v1::DOMAIN_NOT_FOUND:
      return {"The part after the @ does not exist on the Internet. Often it was misspelt or the domain has lapsed.",
              "Ask the person for the right address. Reactivate only when the domain works again."};
    case v1::MAIL_SERVER_MISCONFIGURED:
      return {"The domain exists, but its mail server is set up in a way that no mail can be delivered.",
              "Tell the domain's administrator. Reactivate when they have fixed it."};
    case v1::MAILBOX_FULL:
      return {"The mailbox was full, so mail was returned. People with full mailboxes often no longer read them.",
              "Ask the person to make room. It becomes mailable again by itself when the entry expires, or reactivate "
              "now."};
    case v1::MAILBOX_INACTIVE:
      return {"The account exists but was disabled, closed or not used for a long time.",
              "Ask the person for another address. Reactivate when they say the account is in use again."};
    case v1::REJECTS_UNKNOWN_SENDERS:
      return {"The mailbox takes mail only from senders it knows, and we are not one of them.",
              "Ask the person to add our sending address to their contacts or allow list; then reactivate."};
    default:
      return {"Mail failed several times for a reason that the servers did not make clear.",
              "Read the exact error below. Reactivate when the address is known to work."};
  }
}

Words WordsFor(const v1::Cause& cause) {
  switch (cause.type()) {
    case v1::Cause::SOFT_BOUNCE: {
      // Temporary failures have their own first words, whatever the reason.
      Words words = WordsForReason(cause.reason());
      words.meaning =
          "Mail failed on several days for a reason that the servers call temporary, so it is held back for a while.";
      return words;
    }
    case v1::Cause::COMPLAINT:
      return {"The person reported our mail as spam. Mailing them again harms every mail we send.",
              "Do not mail them. Reactivate only with proof that they asked for our mail after the complaint."};
    case v1::Cause::UNSUBSCRIBE:
      return {"The person unsubscribed.", "Do not mail them. Reactivate only with proof that they subscribed again."};
    case v1::Cause::MANUAL:
      return {"A colleague put this on the list by hand; the note says why.",
              "Read the note and ask who wrote it. Select the MANUAL cause to lift it."};
    default:
      return WordsForReason(cause.reason());
  }
}

// What lifting a cause takes beside a note.
std::optional<v1::ExplainedCause::Requirement> FurtherRequirement(const v1::Cause& cause) {
  switch (cause.type()) {
    case v1::Cause::COMPLAINT:
    case v1::Cause::UNSUBSCRIBE:
      return v1::ExplainedCause::CONSENT;
    case v1::Cause::HARD_BOUNCE:
    case v1::Cause::SOFT_BOUNCE:
      return std::nullopt;
    default:
      return v1::ExplainedCause::SELECTION;
  }
}

}  // namespace

v1::ExplainedCause Explain(const v1::Cause& cause, const std::string& matched_domain) {
  v1::ExplainedCause explained;
  *explained.mutable_cause() = cause;
  explained.set_matched_domain(matched_domain);
  const Words words = WordsFor(cause);
  explained.set_meaning(words.meaning);
  if (cause.state() == v1::Cause::REACTIVATED || cause.state() == v1::Cause::EXPIRED) {
    explained.set_suggested_action("Nothing to do: this no longer blocks mail.");
    return explained;
  }
  explained.set_suggested_action(words.action);
  explained.set_can_reactivate(true);
  explained.add_requirements(v1::ExplainedCause::NOTE);
  const std::optional<v1::ExplainedCause::Requirement> further = FurtherRequirement(cause);
  if (further == v1::ExplainedCause::CONSENT) explained.add_requirements(v1::ExplainedCause::SELECTION);
  if (further.has_value()) explained.add_requirements(*further);
  return explained;
}

}  // namespace suppressd
