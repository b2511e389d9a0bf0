#include "server/bounces/mail/notice_patterns.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace suppressd {
namespace {

using Words = std::vector<const char*>;

// ASCII only, unless within angle brackets: what people write in other scripts right beside an address is not part of
// it. An apostrophe at the head is a quote.
constexpr char kAddress[] =
    R"((?:[a-zA-Z0-9!#$%&*+/=?^_.~-][a-zA-Z0-9!#$%&'*+/=?^_.~-]{0,63}@(?:[a-zA-Z0-9._-]{1,254}|\[[0-9a-fA-F.:IPv]+\])|)"
    R"(<(?:"[^"\n]+"|[^\s<>@"'():;,\\\[\]][^\s<>@"():;,\\\[\]\x{2018}\x{2019}]*)@[^\s<>@"'():;,\\\[\]]+>))";
constexpr char kAddressOpen[] = R"(["'<\[(]{0,2}(?:mailto:|smtp:)?)";

const RE2* Compile(const std::string& pattern) {
  RE2::Options options;
  options.set_case_sensitive(false);
  return new RE2(pattern, options);
}

std::string AnyOf(const Words& words) {
  return absl::StrCat("(?:", absl::StrJoin(words, "|"), ")");
}

}  // namespace

const RE2& AddressPattern() {
  static const RE2* const kPattern = Compile(absl::StrCat("(", kAddress, ")"));
  return *kPattern;
}

const RE2& ReturnedPattern() {
  static const RE2* const kPattern = [] {
    const std::string announced = AnyOf({
        "original message",
        "unsent message",
        "returned message",
        "(?:included|following|attached) is (?:a|the) copy of",
        "(?:this|below|here)(?: this line)? is (?:a |the )?copy of",
        "copy of (?:the|your) (?:original )?(?:message|mail)",
        "header of the original",
        "message header(?:s)?(?: follow| is|:|$)",
        "original (?:mail|message) (?:headers?|as follows|follows|is)",
        "message (?:text|headers?) follows?",
        "undelivered message follows",
        "(?:your|original|old|returned|source|sent|undelivered) (?:message|mail|e-?mail)[^a-z]{0,3}(?:body "
        ")?(?:reads|follows|(?:is )?attached|is (?:shown|included|returned)|in part|text|:\\s*$)",
        "(?:the )?(?:first|start|beginning) (?:\\d+ )?(?:lines?|part|bytes) of",
        "(?:the )?(?:body|text|contents?|headers?) of (?:the|your|this)(?: original| returned)? (?:message|mail)",
        "header of the source mail",
        "元のメッセージ",
        "ursprüngliche nachricht",
        "message d.origine",
    });
    const std::string header =
        AnyOf({"return-path", "received", "dkim-signature", "arc-seal", "delivered-to", "mime-version", "x-received",
               "x-google-smtp-source", "x-mailer", "domainkey-signature"});
    return Compile(
        absl::StrCat(R"(^[\s>*=_-]*(?:[-=_*]{2,}.*)?)", announced, "|^\\s*", header,
                     R"(: ?\S|^x-[a-z-]+: \S|^content-type: ?(?:message/rfc822|text/rfc822-headers)|^>(?:[^>]|$))"));
  }();
  return *kPattern;
}

const RE2& AddressLinePattern() {
  static const RE2* const kPattern = Compile(
      absl::StrCat(R"(^[\s>]*)",
                   AnyOf({R"([*•·-]+\s*)", R"(\d+[.)]\s+)", R"(to:\s*)",
                          R"((?:(?:failed|undeliverable|invalid) )?(?:recipients?|address(?:es)?)\s*(?:address)?:\s*)",
                          R"(e-?mail(?: address)?:\s*)", R"((?:original|final)-recipient:\s*(?:[a-z0-9-]+;\s*)?)",
                          R"((?:c=[^\n]{0,200};)?(?:dda:)?smtp[:=]\s*)"}),
                   R"(?(?:"[^"@]{0,80}"\s*|'[^'@]{0,80}'\s*)?)", kAddressOpen, "(", kAddress,
                   R"()(?:[>"'\])]{1,2})?(?:<mailto:[^>]*>)?(?:\s*\([^)]*\))?(?:[:;,]|\.?$|\.?\s)(.*)$)"));
  return *kPattern;
}

const RE2& BlamePattern() {
  static const RE2* const kPattern = Compile(absl::StrCat(
      AnyOf({
          R"(rcpt to ?: ?)",
          R"(\brecipients?(?: address(?:es)?)?(?: returned permanent errors| (?:is|are|was))?:? )",
          R"(\brejected (?:the )?recipient:? )",
          R"(\b(?:delivered|deliver(?:y|ing)?|sen[dt]|sending|undeliverable|relay(?:ed)?|returned)[^.;:\n]{0,60}\bto:? ?(?:the )?(?:following )?(?:(?:e-?mail )?(?:address(?:es)?|recipients?|user|mailbox)\b)?:? ?)",
          R"(\b(?:user|mailbox|account|mail ?box|address|e-mail|alias|rcpt)(?: name| address)?:? )",
          R"(\bfor )",
          R"(\baddressed to )",
          R"(\bunknown user:? ?)",
          R"(\buser unknown:? ?)",
          R"(\bno such user:? ?)",
          R"(\bgateway for )",
          R"(\bmailing list )",
          R"(\bsent mail to )",
          R"(\b(?:your|ihre|votre|su|il tuo|il|sua|je|twoja) (?:message|mail|e-?mail|nachricht|mensaje|messaggio|mensagem|bericht|wiadomo\S{1,4}) (?:to|an|à|a|para|per|aan|do) )",
          R"(\bdda:smtp=)",
          R"(\b[45]\d\d(?:[ -]#?[45]\.\d{1,3}\.\d{1,3}:?)? ?)",
          R"(宛先:? ?)",
      }),
      kAddressOpen, "(", kAddress, ")"));
  return *kPattern;
}

const RE2& OriginPattern() {
  static const RE2* const kPattern = Compile(absl::StrCat(
      R"((\b(?:(?:auto-?)?(?:generated|expanded|derived|forwarded|redirected|resolved|aliased)\s+from|originally\s+(?:(?:addressed|sent|mailed|submitted)\s+)?(?:to|for)\b)\s*:?\s*))",
      kAddressOpen, "(", kAddress, ")"));
  return *kPattern;
}

const RE2& ForwardPattern() {
  static const RE2* const kPattern = Compile(absl::StrCat(
      "(", kAddress,
      R"()["'>)\]]{0,2}[ ,][^@\n]{0,60}\b(?:forwarded|redirected|forwards|redirects)\s+(?:[a-z]+\s+){0,3}to:?\s+)",
      kAddressOpen, "(", kAddress, ")"));
  return *kPattern;
}

const RE2& AnnouncesRecipientsPattern() {
  static const RE2* const kPattern = Compile(
      R"((?:following|these|those|below|one or more)[^\n]{0,60}\b(?:recipient|address(?:es)?|user|people|destination)(?:s|\([a-z]+\))?\b[^\n@]{0,60}$)");
  return *kPattern;
}

const RE2& HelpPattern() {
  static const RE2* const kPattern = Compile(absl::StrCat(R"(\b)",
                                                          AnyOf({"contact",
                                                                 "assist(?:ance)?",
                                                                 "questions?",
                                                                 "help ?desk",
                                                                 "support",
                                                                 "administrator",
                                                                 "webmaster",
                                                                 "if you (?:feel|need|believe|think|wish|want|have)",
                                                                 "forward (?:this|it)",
                                                                 "report (?:this|spam|to)",
                                                                 "subscri",
                                                                 "unsubscribe",
                                                                 "abuse@",
                                                                 "original sender",
                                                                 "sender:",
                                                                 "from:",
                                                                 "reply-to:",
                                                                 "mail from",
                                                                 "envelope-from",
                                                                 "return-path",
                                                                 "message-?id",
                                                                 "sent (?:by|from)",
                                                                 "wrote:",
                                                                 "sender address",
                                                                 "cc:",
                                                                 "reporting-mta",
                                                                 "お問い?合わせ",
                                                                 "連絡"}),
                                                          R"(\b|mailer-daemon@|^postmaster@)"));
  return *kPattern;
}

const RE2& ReplyPattern() {
  static const RE2* const kPattern =
      Compile(R"((?:^|[\s:;>'"(\[,.=])((?:[45][0-57]\d)(?:[ -]|: ?|; ?)(?:#?[45]\.\d{1,3}\.\d{1,3}\b)?[^\n]*))");
  return *kPattern;
}

const RE2& ReasonPattern() {
  static const RE2* const kPattern = Compile(
      R"((?:^|\n)\s*(?:the )?(?:following )?(?:reason|error(?:-text| message| text)?|diagnostic|cause|because|problem|grund|fehler|raison|motivo|理由|原因)(?: (?:is|was|given|of [^\n:]{0,40}))?\s*[:=]\s*([^\n]{4,}))");
  return *kPattern;
}

const RE2& HostPattern() {
  static const RE2* const kPattern =
      Compile(absl::StrCat(AnyOf({"remote host", "remote server", "host", "server", "mx", "mta", "talking to",
                                  "delivered to", "by", "with", "from", "connect(?:ing|ion)? to"}),
                           R"([ :<"'(\[]{1,3}((?:[a-z0-9_-]{1,63}\.){1,10}[a-z]{2,24})\.?[>"':\[( ,;)])"));
  return *kPattern;
}

const RE2& NoisePattern() {
  static const RE2* const kPattern = Compile(
      R"(^[\s>]*(?:from|to|cc|subject|date|sent|message-?id|reply-to|sender|x-mailer|user-agent|list-[a-z]+|x-[a-z-]+): )"
      R"(|(?:scanned|checked|protected|filtered) (?:for|by|with|against|using)\b|(?:anti-?virus|anti-?spam|virus) ?(?:scan|protect|software|system|program|wall|check)|mailscanner|interscan|confidential)");
  return *kPattern;
}

}  // namespace suppressd
