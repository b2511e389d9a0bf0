#include "server/bounces/imports/list_formats.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace suppressd {
namespace {

constexpr absl::string_view kAuto = "auto";
constexpr absl::string_view kPlain = "plain";
// Names of columns that a message tells.
constexpr size_t kToldNamesMax = 12;
constexpr size_t kToldNameBytesMax = 40;

bool HasAny(const std::vector<std::string>& names, absl::string_view alternatives) {
  for (const absl::string_view name : absl::StrSplit(alternatives, '|')) {
    if (std::find(names.begin(), names.end(), name) != names.end()) return true;
  }
  return false;
}

bool Contains(absl::string_view alternatives, absl::string_view name) {
  const std::vector<absl::string_view> all = absl::StrSplit(alternatives, '|');
  return std::find(all.begin(), all.end(), name) != all.end();
}

std::vector<absl::string_view> Needs(absl::string_view needs) {
  return absl::StrSplit(needs, ' ', absl::SkipEmpty());
}

bool HasAll(const std::vector<std::string>& names, absl::string_view needs) {
  const std::vector<absl::string_view> all = Needs(needs);
  return !all.empty() && std::all_of(all.begin(), all.end(), [&](absl::string_view n) { return HasAny(names, n); });
}

bool IsNamed(const ListLayout& layout, absl::string_view name) {
  for (const absl::string_view need : Needs(layout.needs)) {
    if (Contains(need, name)) return true;
  }
  for (const absl::string_view names : {layout.address, layout.happened_at, layout.expires_at, layout.diagnostic,
                                        layout.status, layout.stream, layout.ignored}) {
    if (Contains(names, name)) return true;
  }
  return name.empty();
}

bool Matches(const ListLayout& layout, const ListShape& shape) {
  if (!shape.has_names) return layout.fits != nullptr && shape.has_rows && layout.fits(shape.first);
  // A bare value has no name, in JSON either.
  if (shape.names == std::vector<std::string>{"1"}) return layout.fits != nullptr && layout.fits(shape.first);
  if (!HasAll(shape.names, layout.needs)) return false;
  return !layout.only_these || std::all_of(shape.names.begin(), shape.names.end(),
                                           [&](const std::string& name) { return IsNamed(layout, name); });
}

// How much a match says. A plain list is what is none of anybody's.
size_t Weight(const ListLayout& layout) {
  return layout.format.name == kPlain ? 0 : Needs(layout.needs).size();
}

std::vector<const ListLayout*> BestOf(const std::vector<const ListLayout*>& layouts, const ListShape& shape) {
  std::vector<const ListLayout*> best;
  for (const ListLayout* layout : layouts) {
    if (!Matches(*layout, shape)) continue;
    if (!best.empty() && Weight(*layout) < Weight(*best.front())) continue;
    if (!best.empty() && Weight(*layout) > Weight(*best.front())) best.clear();
    best.push_back(layout);
  }
  return best;
}

// It is the format but for names that are in no other one either.
bool HasFurtherNames(const ListLayout& layout, const ListShape& shape) {
  if (!shape.has_names || !HasAll(shape.names, layout.needs)) return false;
  const std::vector<const ListLayout*> best = BestOf(AllLayouts(), shape);
  return best.empty() || Weight(*best.front()) <= Weight(layout);
}

std::string NamesOf(const std::vector<const ListLayout*>& layouts) {
  return absl::StrJoin(layouts, " or ", [](std::string* out, const ListLayout* layout) {
    out->append(layout->format.name.data(), layout->format.name.size());
  });
}

// The columns of a file, as far as they are names and no contents.
std::string ToldNames(const ListShape& shape) {
  if (!shape.has_names || shape.names.empty()) return "its first row";
  std::vector<std::string> told;
  for (const std::string& name : shape.names) {
    if (told.size() == kToldNamesMax) break;
    const bool plain = std::all_of(name.begin(), name.end(),
                                   [](unsigned char c) { return absl::ascii_isalnum(c) || c == '_' || c == '.'; });
    if (plain && !name.empty() && name.size() <= kToldNameBytesMax) told.push_back(name);
  }
  return told.empty() ? "its first row" : absl::StrCat("its columns (", absl::StrJoin(told, ", "), ")");
}

const ListLayout& PlainLayout() {
  return **std::find_if(AllLayouts().begin(), AllLayouts().end(),
                        [](const ListLayout* layout) { return layout->format.name == kPlain; });
}

std::vector<const ListLayout*> Allowed(absl::string_view from) {
  std::vector<const ListLayout*> allowed;
  for (const ListLayout* layout : AllLayouts()) {
    if (from == kAuto || from == layout->format.name || from == layout->format.provider) allowed.push_back(layout);
  }
  return allowed;
}

absl::Status Other(absl::string_view from, const ListShape& shape) {
  const std::string expected =
      from == kAuto ? "is of no format that is known" : absl::StrCat("is not of the format ", from);
  const std::vector<const ListLayout*> better = from == kAuto ? Allowed("") : BestOf(AllLayouts(), shape);
  if (!better.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("the file ", expected, ": it looks like ", NamesOf(better)));
  }
  const bool has_addresses = from == kAuto && HasAll(shape.names, PlainLayout().needs);
  const absl::string_view hint = has_addresses ? "; if nobody in it may be mailed, --from plain takes it" : "";
  return absl::InvalidArgumentError(
      absl::StrCat("the file ", expected, ", going by ", ToldNames(shape), "; --formats lists what can be read", hint));
}

}  // namespace

const std::vector<const ListLayout*>& AllLayouts() {
  static const auto* all = [] {
    auto* layouts = new std::vector<const ListLayout*>;
    for (const auto group : {SenderLayouts(), MoreSenderLayouts(), CampaignLayouts(), PlainLayouts()}) {
      for (const ListLayout& layout : group) layouts->push_back(&layout);
    }
    return layouts;
  }();
  return *all;
}

const ListLayout& ExportLayout() {
  return *AllLayouts().back();
}

absl::Span<const ListFormat> ListFormats() {
  static const auto* formats = [] {
    auto* list = new std::vector<ListFormat>;
    for (const ListLayout* layout : AllLayouts()) list->push_back(layout->format);
    return list;
  }();
  return *formats;
}

absl::Status CheckFrom(absl::string_view from) {
  if (!Allowed(from).empty()) return absl::OkStatus();
  return absl::InvalidArgumentError("--from names no format and no provider that is known; --formats lists them");
}

absl::StatusOr<const ListLayout*> FindLayout(absl::string_view from, const ListShape& shape) {
  const std::vector<const ListLayout*> allowed = Allowed(from);
  // An empty array has no names. Where the format is named that is a list without rows.
  if (!shape.has_rows && shape.names.empty()) {
    if (allowed.size() == 1) return allowed.front();
    return absl::InvalidArgumentError("the file holds no rows, so that its format is not known: name it with --from");
  }
  if (allowed.size() == 1) {
    const ListLayout& layout = *allowed.front();
    const bool enough = shape.has_names && !layout.enough.empty() && HasAll(shape.names, layout.enough);
    if (enough || Matches(layout, shape) || HasFurtherNames(layout, shape)) return &layout;
    return Other(from, shape);
  }
  const std::vector<const ListLayout*> best = BestOf(allowed, shape);
  if (best.empty()) return Other(from, shape);
  if (best.size() == 1) return best.front();
  return absl::InvalidArgumentError(
      absl::StrCat("the file is ", NamesOf(best), ", which look alike: name one with --from"));
}

}  // namespace suppressd
