#include "server/bounces/mail/mime_mail.h"

#include <gmime/gmime.h>

#include <algorithm>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "common/error.h"
#include "server/bounces/mail/html_text.h"
#include "server/bounces/mail/mailboxes.h"
#include "server/bounces/rules/reply_text.h"
#include "server/bounces/rules/text_decoding.h"

namespace suppressd {
namespace {

constexpr size_t kHeadersMax = 1'000;
constexpr size_t kHeaderValueBytesMax = 16'384;

struct Unref {
  void operator()(void* object) const { g_object_unref(object); }
};
template <typename T>
using Ref = std::unique_ptr<T, Unref>;

// Converts with "?" for what the charset does not know; empty when the charset is not known at all.
std::string Convert(absl::string_view bytes, const std::string& charset) {
  const iconv_t converter = g_mime_iconv_open("utf-8", charset.c_str());
  if (converter == reinterpret_cast<iconv_t>(-1)) return "";
  char* const converted = g_mime_iconv_strndup(converter, bytes.data(), bytes.size());
  g_mime_iconv_close(converter);
  if (converted == nullptr) return "";
  std::string text = converted;
  g_free(converted);
  return ReplaceInvalidUtf8(text);
}

// The charset to convert from when a label says UTF-16 or UTF-32 ("utf-16", "utf-32le"); empty: the label is a lie, as
// such text always has NULs, or bytes that are not UTF-8.
std::string WideCharset(absl::string_view bytes, const std::string& label) {
  if (!absl::StrContains(bytes, '\0') && IsValidUtf8(bytes)) return "";
  const bool ordered = absl::EndsWith(label, "le") || absl::EndsWith(label, "be");
  const bool marked = absl::StartsWith(bytes, "\xFF\xFE") || absl::StartsWith(bytes, "\xFE\xFF") ||
                      absl::StartsWith(bytes, absl::string_view("\0\0\xFE\xFF", 4));
  if (ordered || marked) return label;
  // RFC 2781 section 4.3: big-endian unless it says otherwise. Not all keep to it.
  return absl::StrCat(label, bytes.size() > 1 && bytes[0] != '\0' && bytes[1] == '\0' ? "le" : "be");
}

// Text of a part. The charset goes first: in a wide one a line end is no byte.
std::string DecodePart(std::string bytes, absl::string_view charset) {
  std::string name = absl::AsciiStrToLower(charset);
  const bool wide = absl::StartsWith(name, "utf-16") || absl::StartsWith(name, "utf-32");
  if (wide) {
    name = WideCharset(bytes, name);
    const size_t unit = absl::StartsWith(name, "utf-16") ? 2 : 4;
    bytes.resize(bytes.size() - bytes.size() % unit);  // the part may have been cut within a character
  } else {
    std::replace(bytes.begin(), bytes.end(), '\0', ' ');  // the converter takes one for the end
  }
  const bool trusted = !name.empty() && name != "utf-8" && name != "us-ascii" && name != "utf8";
  if (trusted) {
    std::string text = Convert(bytes, name);
    if (!text.empty()) return std::string(absl::StripPrefix(text, "\xEF\xBB\xBF"));
  }
  return ToUtf8(bytes);
}

// LF line ends, no NUL. Transfer encodings survive: none of them needs a CR or a NUL.
std::string PlainLines(absl::string_view content) {
  std::string text;
  text.reserve(content.size());
  for (size_t end = content.find('\r'); end != absl::string_view::npos; end = content.find('\r')) {
    text.append(content.data(), end);
    content.remove_prefix(end + 1);
    if (!absl::StartsWith(content, "\n")) text.push_back('\n');
  }
  text.append(content.data(), content.size());
  std::replace(text.begin(), text.end(), '\0', ' ');
  return text;
}

// At most that many bytes, and no character cut in two where they are UTF-8.
absl::string_view Prefix(absl::string_view bytes, size_t bytes_max) {
  constexpr size_t kCharacterBytesMax = 4;
  const absl::string_view prefix = Utf8Prefix(bytes, bytes_max);
  return prefix.size() + kCharacterBytesMax > bytes_max ? prefix : bytes.substr(0, bytes_max);
}

absl::string_view SkipMboxLine(absl::string_view text) {
  text = absl::StripPrefix(text, "\xEF\xBB\xBF");
  for (size_t end = text.find('\n'); end != absl::string_view::npos; end = text.find('\n')) {
    if (!absl::StripAsciiWhitespace(text.substr(0, end)).empty()) break;
    text.remove_prefix(end + 1);
  }
  if (absl::StartsWith(text, "From ") || absl::StartsWith(text, ">From ")) {
    const size_t end = text.find('\n');
    text.remove_prefix(end == absl::string_view::npos ? text.size() : end + 1);
  }
  return text;
}

std::string Lower(const char* text) {
  return text == nullptr ? "" : absl::AsciiStrToLower(text);
}

std::string TypeOf(GMimeObject* object) {
  GMimeContentType* const type = g_mime_object_get_content_type(object);
  if (type == nullptr) return "text/plain";
  return Lower(g_mime_content_type_get_media_type(type)) + "/" + Lower(g_mime_content_type_get_media_subtype(type));
}

std::string ContentOf(GMimePart* part, size_t bytes_max) {
  GMimeDataWrapper* const content = g_mime_part_get_content(part);
  if (content == nullptr) return "";
  const Ref<GMimeStream> stream(g_mime_stream_mem_new());
  g_mime_data_wrapper_write_to_stream(content, stream.get());
  const GByteArray* const bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream.get()));
  if (bytes == nullptr) return "";
  const absl::string_view all(reinterpret_cast<const char*>(bytes->data), bytes->len);
  return std::string(Prefix(all, bytes_max));
}

class Walk {
 public:
  // `restored`: the header of the top part was lost and has been made up.
  Walk(bool restored, MimeMail* mail) : restored_(restored), mail_(mail) {}

  void Visit(GMimeObject* object, int depth) {
    if (object == nullptr) return;
    if (depth > kMailDepthMax || visited_ >= kMailPartsMax) {
      mail_->truncated = true;
      return;
    }
    if (GMIME_IS_MULTIPART(object)) {
      GMimeMultipart* const multipart = GMIME_MULTIPART(object);
      const int count = g_mime_multipart_get_count(multipart);
      if (count == 0 || (restored_ && depth == 0)) VisitPrologue(multipart);
      for (int i = 0; i < count; ++i) Visit(g_mime_multipart_get_part(multipart, i), depth + 1);
      return;
    }
    ++visited_;
    if (GMIME_IS_MESSAGE_PART(object)) {
      GMimeMessage* const message = g_mime_message_part_get_message(GMIME_MESSAGE_PART(object));
      if (message != nullptr) AddAttached(TypeOf(object), message);
    } else if (GMIME_IS_PART(object)) {
      AddPart(GMIME_PART(object));
    }
  }

 private:
  // What stands in front of the parts: all there is of a torn multipart, the notice of one whose header was lost.
  void VisitPrologue(GMimeMultipart* multipart) {
    const char* const text = g_mime_multipart_get_prologue(multipart);
    if (text != nullptr) mail_->parts.push_back({"text/plain", ToUtf8(Prefix(text, kPartBytesMax))});
  }

  void AddAttached(const std::string& type, GMimeMessage* message) {
    char* const headers = g_mime_object_get_headers(GMIME_OBJECT(message), nullptr);
    if (headers == nullptr) return;
    mail_->parts.push_back({type, ToUtf8(Prefix(headers, kPartBytesMax))});
    g_free(headers);
    GMimeObject* const top = g_mime_message_get_mime_part(message);
    if (!mail_->attached_report.empty() || top == nullptr || TypeOf(top) != "multipart/report") return;
    char* const content = g_mime_object_to_string(GMIME_OBJECT(message), nullptr);
    if (content != nullptr) mail_->attached_report = content;
    g_free(content);
  }

  void AddPart(GMimePart* part) {
    const std::string type = TypeOf(GMIME_OBJECT(part));
    const bool readable = absl::StartsWith(type, "text/") || absl::StartsWith(type, "message/");
    if (!readable) return;
    const char* const charset = g_mime_object_get_content_type_parameter(GMIME_OBJECT(part), "charset");
    // A thousand recipients fit into a mail, and nobody writes so many words.
    const size_t bytes_max = absl::EndsWith(type, "delivery-status") ? kMailBytesMax : kPartBytesMax;
    std::string text = PlainLines(DecodePart(ContentOf(part, bytes_max), charset == nullptr ? "" : charset));
    if (type == "text/html") text = HtmlToText(text);
    mail_->parts.push_back({type, std::move(text)});
  }

  const bool restored_;
  MimeMail* const mail_;
  int visited_ = 0;
};

void ReadHeaders(GMimeMessage* message, MimeMail* mail) {
  GMimeHeaderList* const headers = g_mime_object_get_header_list(GMIME_OBJECT(message));
  const int count = std::min<int>(g_mime_header_list_get_count(headers), kHeadersMax);
  for (int i = 0; i < count; ++i) {
    GMimeHeader* const header = g_mime_header_list_get_header_at(headers, i);
    const char* const value = g_mime_header_get_value(header);
    std::string text = value == nullptr ? "" : ToUtf8(Prefix(value, kHeaderValueBytesMax));
    mail->headers.push_back({Lower(g_mime_header_get_name(header)), absl::StrReplaceAll(text, {{"\n", " "}})});
  }
}

// Some mails lose their MIME headers on the way, while the parts still stand in the body. Gives them back the header.
std::string RestoreMimeHeader(absl::string_view text) {
  const size_t body = text.find("\n\n");
  if (body == absl::string_view::npos) return "";
  const std::string headers = absl::AsciiStrToLower(text.substr(0, body + 1));
  if (absl::StartsWith(headers, "content-type:") || absl::StrContains(headers, "\ncontent-type:")) return "";
  for (size_t at = text.find("\n--", body); at != absl::string_view::npos; at = text.find("\n--", at + 1)) {
    const size_t end = text.find('\n', at + 1);
    if (end == absl::string_view::npos) return "";
    const absl::string_view boundary = absl::StripTrailingAsciiWhitespace(text.substr(at + 3, end - at - 3));
    const bool part = absl::StartsWithIgnoreCase(text.substr(end + 1), "content-");
    if (!part || boundary.empty() || boundary.size() > 70 || absl::StrContains(boundary, '"')) continue;
    return absl::StrCat("Content-Type: multipart/mixed; boundary=\"", boundary, "\"\n", text);
  }
  return "";
}

absl::Status NotAMessage() {
  return InvalidArgument(v1::NOT_A_MESSAGE, "raw_message holds nothing that could be a mail", "raw_message.content");
}

}  // namespace

absl::string_view MimeMail::Header(absl::string_view name) const {
  for (const MailHeader& header : headers) {
    if (header.name == name) return header.value;
  }
  return "";
}

bool IsAttachedMail(absl::string_view type) {
  return type == "message/rfc822" || type == "text/rfc822-headers" || type == "message/global" ||
         type == "message/global-headers" || type == "text/rfc822-header" || type == "message/rfc822-headers";
}

std::optional<int64_t> ParseMailDate(const std::string& date) {
  if (date.empty()) return std::nullopt;
  GDateTime* const time = g_mime_utils_header_decode_date(date.c_str());
  if (time == nullptr) return std::nullopt;
  const int64_t seconds = g_date_time_to_unix(time);
  g_date_time_unref(time);
  return seconds;
}

std::string MailDigest(absl::string_view content) {
  const std::string lines = PlainLines(Prefix(content, kMailBytesMax));
  const absl::string_view text = absl::StripTrailingAsciiWhitespace(SkipMboxLine(lines));
  char* const digest =
      g_compute_checksum_for_data(G_CHECKSUM_SHA256, reinterpret_cast<const guchar*>(text.data()), text.size());
  std::string hex(digest);
  g_free(digest);
  return hex;
}

std::string ToUtf8(absl::string_view bytes) {
  if (IsValidUtf8(bytes)) {
    const bool japanese = absl::StrContains(bytes, "\x1b$B") || absl::StrContains(bytes, "\x1b$@");
    if (!japanese) return std::string(bytes);
    std::string text = Convert(bytes, "iso-2022-jp");
    return text.empty() ? std::string(bytes) : text;
  }
  return DecodeText(bytes);
}

absl::StatusOr<MimeMail> ReadMimeMail(absl::string_view content) {
  StartGmime();
  MimeMail mail;
  mail.truncated = content.size() > kMailBytesMax;
  const std::string lines = PlainLines(Prefix(content, kMailBytesMax));
  absl::string_view text = SkipMboxLine(lines);
  const std::string restored = RestoreMimeHeader(text);
  if (!restored.empty()) text = restored;
  if (absl::StripAsciiWhitespace(text).empty()) return NotAMessage();
  const Ref<GMimeStream> stream(g_mime_stream_mem_new_with_buffer(text.data(), text.size()));
  const Ref<GMimeParser> parser(g_mime_parser_new_with_stream(stream.get()));
  const Ref<GMimeMessage> message(g_mime_parser_construct_message(parser.get(), nullptr));
  if (message == nullptr) return NotAMessage();
  ReadHeaders(message.get(), &mail);
  GMimeObject* const top = g_mime_message_get_mime_part(message.get());
  if (top != nullptr) {
    mail.type = TypeOf(top);
    mail.report_type = Lower(g_mime_object_get_content_type_parameter(top, "report-type"));
    Walk(!restored.empty(), &mail).Visit(top, 0);
  }
  if (mail.headers.empty() && mail.parts.empty()) return NotAMessage();
  return mail;
}

}  // namespace suppressd
