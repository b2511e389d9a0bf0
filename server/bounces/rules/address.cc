#include "server/bounces/rules/address.h"

#include <arpa/inet.h>
#include <idn2.h>
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/error.h"
#include "server/bounces/rules/text_decoding.h"

namespace suppressd {
namespace {

constexpr size_t kDomainMaxBytes = 253;
constexpr size_t kLabelMaxBytes = 63;
// Case folding with NFC reaches its fixpoint in two rounds for every code point of Unicode 15; more is a library bug.
constexpr int kFoldMaxRounds = 4;

constexpr char kBadUtf8[] = "the address is not valid UTF-8";

struct FreeDeleter {
  void operator()(void* p) const { std::free(p); }
};

// What an ASCII byte may be part of.
enum ByteClass : uint8_t { kNone = 0, kAtext = 1, kLabel = 2 };

constexpr std::array<uint8_t, 256> MakeByteClasses() {
  std::array<uint8_t, 256> classes{};
  for (int c = '0'; c <= '9'; ++c) classes[c] = kAtext | kLabel;
  for (int c = 'a'; c <= 'z'; ++c) classes[c] = classes[c - 'a' + 'A'] = kAtext | kLabel;
  for (const char c : {'!', '#', '$', '%', '&', '\'', '*', '+', '/', '=', '?', '^', '`', '{', '|', '}', '~'}) {
    classes[static_cast<uint8_t>(c)] = kAtext;
  }
  classes['-'] = classes['_'] = kAtext | kLabel;
  return classes;
}

constexpr std::array<uint8_t, 256> kByteClasses = MakeByteClasses();

bool IsAscii(char c) {
  return static_cast<uint8_t>(c) < 0x80;
}

bool HasClass(char c, ByteClass byte_class) {
  return (kByteClasses[static_cast<uint8_t>(c)] & byte_class) != 0;
}

bool IsAscii(absl::string_view text) {
  for (const char c : text) {
    if (!IsAscii(c)) return false;
  }
  return true;
}

const uint8_t* Bytes(absl::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

// Control, space and invisible characters: no mailbox has them, pasted text does. The joiners are letters in effect in
// several scripts and stay.
bool IsRefusedCharacter(ucs4_t character) {
  if (character == 0x200C || character == 0x200D) return false;
  constexpr uint32_t kRefused =
      UC_CATEGORY_MASK_Cc | UC_CATEGORY_MASK_Cf | UC_CATEGORY_MASK_Zs | UC_CATEGORY_MASK_Zl | UC_CATEGORY_MASK_Zp;
  return uc_is_general_category_withtable(character, kRefused);
}

bool HasRefusedCharacter(absl::string_view utf8) {
  const uint8_t* at = Bytes(utf8);
  const uint8_t* const end = at + utf8.size();
  while (at < end) {
    ucs4_t character;
    const int bytes = u8_mbtouc(&character, at, end - at);
    if (character >= 0x80 && IsRefusedCharacter(character)) return true;
    at += bytes;
  }
  return false;
}

// Drops white space at both ends, that of Unicode too: the ideographic space is common in pasted lists.
absl::string_view Trim(absl::string_view text) {
  text = absl::StripAsciiWhitespace(text);
  if (text.empty() || (IsAscii(text.front()) && IsAscii(text.back()))) return text;
  if (!IsValidUtf8(text)) return text;
  const uint8_t* at = Bytes(text);
  const uint8_t* end = at + text.size();
  ucs4_t character;
  while (at < end) {
    const int bytes = u8_mbtouc(&character, at, end - at);
    if (!uc_is_property_white_space(character)) break;
    at += bytes;
  }
  while (const uint8_t* before = at < end ? u8_prev(&character, end, at) : nullptr) {
    if (!uc_is_property_white_space(character)) break;
    end = before;
  }
  return absl::string_view(reinterpret_cast<const char*>(at), end - at);
}

// NFC and case folding, to the fixpoint. False: no fixpoint, or no memory.
bool FoldUtf8(std::string* text) {
  for (int round = 0; round < kFoldMaxRounds; ++round) {
    size_t length = 0;
    const std::unique_ptr<uint8_t, FreeDeleter> folded(
        u8_casefold(Bytes(*text), text->size(), nullptr, UNINORM_NFC, nullptr, &length));
    if (folded == nullptr) return false;
    const absl::string_view result(reinterpret_cast<const char*>(folded.get()), length);
    if (result == *text) return true;
    text->assign(result.data(), result.size());
  }
  return false;
}

struct Parts {
  absl::string_view local_part;  // without the quotes
  absl::string_view domain;
  bool quoted = false;
};

// Splits at the "@" that ends the local part. Null: done; otherwise what is wrong.
const char* Split(absl::string_view text, Parts* parts) {
  if (text.empty()) return "the address is empty";
  if (text.front() != '"') {
    const size_t at = text.rfind('@');
    if (at == absl::string_view::npos) return "the address has no \"@\"";
    if (at == 0) return "the address has nothing before the \"@\"";
    parts->local_part = text.substr(0, at);
    parts->domain = text.substr(at + 1);
    return nullptr;
  }
  size_t end = 1;
  while (end < text.size() && text[end] != '"') end += text[end] == '\\' ? 2 : 1;
  if (end >= text.size()) return "the quoted local part does not end";
  if (end + 1 >= text.size() || text[end + 1] != '@') return "the quoted local part is not followed by \"@\"";
  parts->local_part = text.substr(1, end - 1);
  parts->domain = text.substr(end + 2);
  parts->quoted = true;
  return nullptr;
}

// The content of a quoted string (RFC 5321 section 4.1.2, RFC 6531 section 3.3) without its escapes.
const char* Unescape(absl::string_view quoted, std::string* content) {
  content->reserve(quoted.size());
  for (size_t i = 0; i < quoted.size(); ++i) {
    const bool escaped = quoted[i] == '\\' && i + 1 < quoted.size();
    const char c = quoted[escaped ? ++i : i];
    if (absl::ascii_iscntrl(c)) return "the local part has a control character";
    if (escaped && !IsAscii(c)) return "the local part escapes a character that is not ASCII";
    content->push_back(c);
  }
  return nullptr;
}

bool NeedsQuotes(absl::string_view content) {
  for (const char c : content) {
    if (IsAscii(c) && c != '.' && !HasClass(c, kAtext)) return true;
  }
  return content.empty();
}

std::string Quote(absl::string_view content) {
  std::string quoted = "\"";
  for (const char c : content) {
    if (c == '"' || c == '\\') quoted.push_back('\\');
    quoted.push_back(c);
  }
  quoted.push_back('"');
  return quoted;
}

// The local part without quotes and escapes to its normalised form.
const char* NormaliseLocalPart(const Parts& parts, std::string* local_part) {
  if (parts.quoted) {
    if (const char* problem = Unescape(parts.local_part, local_part)) return problem;
  } else {
    local_part->assign(parts.local_part.data(), parts.local_part.size());
  }
  if (IsAscii(*local_part)) {
    absl::AsciiStrToLower(local_part);
  } else {
    if (!IsValidUtf8(*local_part)) return kBadUtf8;
    if (!FoldUtf8(local_part)) return "the local part cannot be case-folded";
    if (HasRefusedCharacter(*local_part)) return "the local part has a control, space or invisible character";
  }
  // Judged after folding: NFC turns some characters into ASCII ones that need quotes.
  if (NeedsQuotes(*local_part)) {
    if (!parts.quoted) return "the local part has a character that needs quotes";
    *local_part = Quote(*local_part);
  }
  if (local_part->size() > kLocalPartMaxBytes) return "the local part is longer than 64 bytes";
  return nullptr;
}

// An address literal with its brackets. General-address-literals other than IPv6 are refused: no tag was ever
// registered.
const char* NormaliseLiteral(absl::string_view literal, std::string* domain) {
  if (literal.size() > kDomainMaxBytes || literal.back() != ']') return "the address literal does not end with \"]\"";
  *domain = absl::AsciiStrToLower(literal);
  const std::string content = domain->substr(1, domain->size() - 2);
  // inet_pton reads up to a NUL.
  if (content.find('\0') != std::string::npos) return "the address literal has a control character";
  in6_addr ignored;
  const bool valid = absl::StartsWith(content, "ipv6:") ? inet_pton(AF_INET6, content.c_str() + 5, &ignored) == 1
                                                        : inet_pton(AF_INET, content.c_str(), &ignored) == 1;
  return valid ? nullptr : "the address literal is neither IPv4 nor IPv6";
}

// One label to its A-label, by UTS-46 non-transitional processing.
const char* ConvertLabel(absl::string_view label, std::string* a_label) {
  const std::string input = absl::AsciiStrToLower(label);
  uint8_t* raw = nullptr;
  const int result = idn2_lookup_u8(Bytes(input), &raw, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  const std::unique_ptr<uint8_t, FreeDeleter> owned(raw);
  if (result == IDN2_OK) {
    *a_label = reinterpret_cast<const char*>(raw);
    return nullptr;
  }
  // An A-label of symbols (emoji): valid punycode that IDNA2008 disallows, yet such domains are registered and get
  // mail.
  if (result == IDN2_DISALLOWED && IsAscii(input)) {
    *a_label = input;
    return nullptr;
  }
  return result == IDN2_ENCODING_ERROR ? kBadUtf8 : "the domain is not a valid internationalised name";
}

// The full stops of UTS-46: U+3002, U+FF0E, U+FF61.
void MapFullStops(std::string* domain) {
  for (const absl::string_view stop : {"\xE3\x80\x82", "\xEF\xBC\x8E", "\xEF\xBD\xA1"}) {
    for (size_t at = domain->find(stop.data(), 0, stop.size()); at != std::string::npos;
         at = domain->find(stop.data(), at + 1, stop.size())) {
      domain->replace(at, stop.size(), ".");
    }
  }
}

// Converts the labels that need it. ASCII labels stay out of libidn2: it would refuse "a--b", which is in use.
const char* ConvertLabels(std::string* domain) {
  std::string converted;
  size_t begin = 0;
  while (true) {
    const size_t end = domain->find('.', begin);
    const absl::string_view label = absl::string_view(*domain).substr(begin, end - begin);
    if (IsAscii(label) && !absl::StartsWithIgnoreCase(label, "xn--")) {
      absl::StrAppend(&converted, absl::AsciiStrToLower(label));
    } else {
      std::string a_label;
      if (const char* problem = ConvertLabel(label, &a_label)) return problem;
      absl::StrAppend(&converted, a_label);
    }
    if (end == std::string::npos) break;
    converted.push_back('.');
    begin = end + 1;
  }
  *domain = std::move(converted);
  return nullptr;
}

// Letters, digits, "-" and "_" in labels of 1 to 63 bytes.
const char* CheckLabels(absl::string_view domain) {
  if (domain.empty()) return "the domain is empty";
  if (domain.size() > kDomainMaxBytes) return "the domain is longer than 253 bytes";
  size_t begin = 0;
  for (size_t i = 0; i <= domain.size(); ++i) {
    if (i < domain.size() && domain[i] != '.') {
      if (!HasClass(domain[i], kLabel)) return "the domain has a character that is not allowed";
      continue;
    }
    if (i == begin) return "the domain has an empty label";
    if (i - begin > kLabelMaxBytes) return "the domain has a label longer than 63 bytes";
    if (domain[begin] == '-' || domain[i - 1] == '-') return "a label of the domain starts or ends with \"-\"";
    begin = i + 1;
  }
  return nullptr;
}

const char* NormaliseDomainPart(absl::string_view input, std::string* domain) {
  if (!input.empty() && input.front() == '[') return NormaliseLiteral(input, domain);
  // libidn2 reads C strings.
  if (input.find('\0') != absl::string_view::npos) return "the domain has a control character";
  domain->assign(input.data(), input.size());
  const bool ascii = IsAscii(*domain);
  if (ascii) {
    absl::AsciiStrToLower(domain);
  } else {
    if (!IsValidUtf8(*domain)) return kBadUtf8;
    MapFullStops(domain);
  }
  if (!domain->empty() && domain->back() == '.') domain->pop_back();
  if (!ascii || absl::StrContains(*domain, "xn--")) {
    if (const char* problem = ConvertLabels(domain)) return problem;
  }
  return CheckLabels(*domain);
}

// Null: done; otherwise what is wrong.
const char* Normalise(absl::string_view input, Address* address) {
  if (input.size() > kAddressInputMaxBytes) return "the address is longer than 1,024 bytes";
  absl::string_view text = Trim(input);
  if (text.size() >= 2 && text.front() == '<' && text.back() == '>') text = Trim(text.substr(1, text.size() - 2));
  Parts parts;
  if (const char* problem = Split(text, &parts)) return problem;
  if (const char* problem = NormaliseLocalPart(parts, &address->local_part)) return problem;
  if (const char* problem = NormaliseDomainPart(parts.domain, &address->domain)) return problem;
  if (address->local_part.size() + 1 + address->domain.size() > kAddressMaxBytes) {
    return "the address is longer than 254 bytes";
  }
  return nullptr;
}

}  // namespace

std::string Address::ToString() const {
  return absl::StrCat(local_part, "@", domain);
}

absl::StatusOr<Address> NormaliseAddress(absl::string_view input) {
  Address address;
  if (const char* problem = Normalise(input, &address)) return InvalidArgument(v1::INVALID_ADDRESS, problem);
  return address;
}

absl::StatusOr<Address> NormaliseDomain(absl::string_view input) {
  if (input.size() > kAddressInputMaxBytes) {
    return InvalidArgument(v1::INVALID_DOMAIN, "the domain is longer than 1,024 bytes");
  }
  Address address;
  if (const char* problem = NormaliseDomainPart(Trim(input), &address.domain)) {
    return InvalidArgument(v1::INVALID_DOMAIN, problem);
  }
  return address;
}

}  // namespace suppressd
