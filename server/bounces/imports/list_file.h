// Suppression lists as other services and tools hand them out: files of rows, read one after the other.
//
//   auto file = ListFile::Open(&stream, {.from = "auto"});
//   for (;;) {
//     ListFile::Item item = (*file)->Next();
//     if (item.kind == ListFile::Item::kEnd) break;
//     ...
//   }
//
// Pure, but for the stream that it reads. Memory is bounded whatever the file holds. docs/import.md lists the formats.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "suppressd/v1/admin_service.pb.h"

namespace suppressd {

// Longest line of a file of lines, row of a table, or element of an array, in bytes.
inline constexpr size_t kListRowBytesMax = 1 << 20;
// Most columns of a table.
inline constexpr int kListColumnsMax = 256;

struct ListFileOptions {
  // Name of a format, or of a provider with several ("sendgrid"), of which the file then is one; or "auto".
  std::string from = "auto";
  // The stream of rows that do not name one themselves. Empty: all mail.
  std::string stream = "";
  // The file's name, for messages.
  std::string name = "-";
  // Mailchimp's cleaned addresses, which bounced hard or softly; true: those that bounced softly are taken too.
  // (Its file does not tell them apart: false takes all of them as hard bounces that are recorded only.)
  bool take_soft = false;
};

// A format, for help texts and documents.
struct ListFormat {
  absl::string_view name;      // "sendgrid-bounces"
  absl::string_view provider;  // "sendgrid": ImportRequest.provider
  absl::string_view what;      // "SendGrid: bounces, CSV or JSON"
};
absl::Span<const ListFormat> ListFormats();

class ListFile {
 public:
  struct Item {
    enum Kind {
      kRow,   // `row`
      kSkip,  // the row is none to be taken, and is no mistake: `why` (expired, not suppressed by its provider, ...)
      kBad,   // `field` and `why`: what was expected; reading goes on behind it
      kEnd,   // the file has ended. With `why`: it is cut, or cannot be read on
    };
    Kind kind = kEnd;
    v1::ImportRow row;
    // Counts the rows of the file from 1, a header not among them; and the line that it begins in, from 1 (of JSON in
    // one line always 1).
    int64_t number = 0;
    int64_t line = 0;
    std::string field;
    std::string why;
    // The row as it stands in the file, cut to 4 KiB, for a file of errors.
    std::string text;
  };

  virtual ~ListFile() = default;

  // Recognises a file by its header or its first JSON keys, never by its name. INVALID_ARGUMENT: it is of no known
  // format, and what it looks like; or of another than `from`; or `from` is unknown. An empty file is INVALID_ARGUMENT.
  static absl::StatusOr<std::unique_ptr<ListFile>> Open(std::istream* stream, const ListFileOptions& options);

  virtual const ListFormat& format() const = 0;
  virtual Item Next() = 0;
  // What was assumed of the file so far, each said once: "read as ISO-8859-1", "times without a zone are taken as UTC".
  virtual std::vector<std::string> Remarks() const = 0;
};

}  // namespace suppressd
