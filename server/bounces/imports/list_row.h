// From a row of a file to rows of an import: what all formats have in common.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/bounces/imports/list_file.h"
#include "server/bounces/imports/list_rows.h"

namespace suppressd {

struct ListLayout;

// Longest note of a row, in bytes; that of the API.
inline constexpr size_t kListNoteBytesMax = 2'000;
// Most streams that one row names.
inline constexpr size_t kListStreamsMax = 64;

// What holds for a whole file.
struct ListContext {
  const ListFileOptions& options;
  ListRemarks& remarks;
  // Those that rows name, as far as they are told.
  std::set<std::string>& streams;
};

// Whether a text is a name of a stream: 1 to 63 of a-z 0-9 . _ -, the first a letter or digit. Pure and thread-safe.
bool IsStreamName(absl::string_view text);

// Whether a text looks like an address, or like a whole domain with "@" before it. Pure and thread-safe.
bool LooksLikeAddress(absl::string_view text);

// Whether a text contains a word, which is in lower case, ignoring its own case. Pure and thread-safe.
bool ContainsWord(absl::string_view text, absl::string_view word);

// One row while it is read. Not thread-safe. Borrows all of them.
class ListRow {
 public:
  // Sets what the layout names: address, times, reply, stream.
  ListRow(const ListRecord& record, const ListLayout& layout, const ListContext& context);

  // The first value by one of these names, apart by "|"; none of them goes into the note.
  std::string Text(absl::string_view names);
  // All values by any of them.
  std::vector<std::string> Texts(absl::string_view names);
  // The first value of those whose name begins with `prefix` and ends with one of `ends`; it does not go into the note.
  std::string TextBelow(absl::string_view prefix, absl::string_view ends);
  // Text is one of these words, ignoring case.
  static bool Is(absl::string_view text, std::initializer_list<absl::string_view> words);

  v1::ImportRow& row() { return row_; }
  const ListContext& context() const { return context_; }
  void SetTypeAndReason(v1::Cause::Type type, v1::BounceReason reason = v1::BOUNCE_REASON_UNSPECIFIED);
  // By what a word of anybody's says: complaint, unsubscription, soft or hard bounce; else MANUAL.
  void SetTypeByWord(absl::string_view word);
  // The text of the reply, without "smtp;" before it.
  void SetDiagnostic(absl::string_view text);
  // The target is this domain.
  void SetDomain(absl::string_view domain);
  // One more stream, under whatever name; "*" is all mail.
  void AddStream(absl::string_view name);
  // "name=value" at the head of the note.
  void AddNote(absl::string_view name, absl::string_view value);

  // The row is none to be taken, or is wrong. The first of these counts.
  void Skip(std::string why);
  void Bad(absl::string_view field, std::string why);

  // Items without number, line and text: one for each stream, or the one that says why not. Call it once.
  std::vector<ListFile::Item> Finish();

 private:
  bool HasName(size_t i, absl::string_view names) const;
  void SetAddress(absl::string_view names);
  void SetTimes(const ListLayout& layout);
  void SetStatus(absl::string_view status);
  void SetNote();

  const ListRecord& record_;
  const ListLayout& layout_;
  const ListContext& context_;
  v1::ImportRow row_;
  std::vector<bool> used_;  // which values of the record are not for the note
  std::vector<std::string> streams_;
  bool all_mail_ = false;
  std::string note_;
  ListFile::Item refused_;  // kEnd: it is not
};

}  // namespace suppressd
