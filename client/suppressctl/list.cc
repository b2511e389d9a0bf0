// suppressctl list: the list, by page or in whole.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/suppressctl/commands.h"
#include "client/suppressctl/filter_options.h"
#include "client/suppressctl/parse.h"
#include "client/suppressctl/render.h"

namespace suppressd::suppressctl {
namespace {

constexpr int64_t kLimitDefault = 100;
constexpr int64_t kAllMax = 1'000'000'000;
constexpr int kPageMax = 1'000;
constexpr size_t kTableChunkRows = 1'000;

struct ListOptions {
  std::string order;
  FilterOptions filter;
  std::string at_least;
  std::string max_staleness;
  std::string page_token;
  int64_t limit = kLimitDefault;
  bool all = false;
  bool counts = false;
};

absl::StatusOr<ListRequest> MakeRequest(const ListOptions& options) {
  absl::StatusOr<SuppressionFilter> filter = MakeFilter(options.filter);
  if (!filter.ok()) return filter.status();
  ListRequest request;
  request.filter = *std::move(filter);
  request.at_least = options.at_least;
  request.page_token = options.page_token;
  absl::Status status = ParseEnum("--order", options.order, &request.order);
  status.Update(ParseMaxStaleness(options.max_staleness, &request.max_staleness));
  if (!status.ok()) return status;
  return request;
}

// Prints entries as they come.
class ListPrinter {
 public:
  explicit ListPrinter(Session& session) : session_(session) {
    if (session_.json()) session_.out() << "{\"suppressions\":[";
  }

  void Add(const Suppression& entry) {
    if (session_.json()) {
      session_.out() << (printed_++ == 0 ? "" : ",") << ToJson(entry).ToString();
      return;
    }
    ++printed_;
    table_.Add({entry.Target(), TimeText(entry.listed_at), DescribeCauses(entry)});
    if (++rows_ == kTableChunkRows) Flush();
  }

  void Finish(const Page& last, const std::optional<Counts>& counts) {
    if (!session_.json()) {
      if (rows_ > 0 || printed_ == 0) Flush();
      if (last.freshness) session_.out() << Describe(*last.freshness) << "\n";
      if (!last.next_page_token.empty()) session_.err() << "more: --page_token " << last.next_page_token << "\n";
      return;
    }
    JsonObject rest;
    rest.Add("nextPageToken", last.next_page_token).Add("revisionToken", last.revision_token);
    if (last.freshness) rest.Add("freshness", ToJson(*last.freshness));
    rest.Add("damagedCount", last.damaged_count);
    if (counts) rest.Add("counts", ToJson(*counts));
    const std::string text = rest.ToString();
    session_.out() << "]" << (text == "{}" ? "" : ",") << text.substr(1) << "\n";
  }

 private:
  void Flush() {
    table_.Print(session_.out());
    session_.out().flush();
    table_ = Table({"ADDRESS", "LISTED", "CAUSES"});
    rows_ = 0;
  }

  Session& session_;
  Table table_ = Table({"ADDRESS", "LISTED", "CAUSES"});
  size_t rows_ = 0;
  int64_t printed_ = 0;
};

void PrintCounts(const Counts& counts, Session& session) {
  Table table({"REASON", "COUNT"});
  for (const ReasonCount& count : counts.reasons) {
    const bool none = count.reason == BounceReason::kUnspecified;
    table.Add({none ? "(no reason)" : Name(count.reason), absl::StrCat(count.entry_count)});
  }
  table.Add({"TOTAL", absl::StrCat(counts.total_count)});
  table.Print(session.out());
}

int List(const ListOptions& options, Session& session) {
  absl::StatusOr<ListRequest> request = MakeRequest(options);
  if (!request.ok()) return session.Fail(request.status());
  const absl::StatusOr<Client> client = session.MakeClient();
  if (!client.ok()) return session.Fail(client.status());
  std::unique_ptr<ListPrinter> printer;
  std::optional<Counts> counts;
  if (options.counts) {
    CountRequest count;
    count.filter = request->filter;
    count.at_least = request->at_least;
    count.max_staleness = request->max_staleness;
    absl::StatusOr<Counts> counted = client->CountSuppressions(count);
    if (!counted.ok()) return session.Fail(counted.status());
    counts = *std::move(counted);
  }
  int64_t damaged = 0;
  for (int64_t left = options.all ? kAllMax : options.limit; left > 0;) {
    request->page_size = static_cast<int32_t>(std::min<int64_t>(left, kPageMax));
    absl::StatusOr<Page> page = client->ListSuppressions(*request);
    if (!page.ok()) {
      // What was printed stays one JSON object; the exit code says that it is not all.
      if (printer != nullptr) printer->Finish(Page(), counts);
      return session.Fail(page.status());
    }
    if (printer == nullptr) printer = std::make_unique<ListPrinter>(session);
    for (const Suppression& entry : page->suppressions) printer->Add(entry);
    damaged += page->damaged_count;
    left -= static_cast<int64_t>(page->suppressions.size());
    if (left > 0 && !page->next_page_token.empty() && page->next_page_token != request->page_token) {
      request->page_token = page->next_page_token;
      continue;
    }
    page->damaged_count = damaged;
    printer->Finish(*page, counts);
    break;
  }
  if (counts && !session.json()) PrintCounts(*counts, session);
  if (damaged == 0) return kDone;
  return session.Fail(absl::DataLossError(absl::StrCat(damaged, " entries are damaged and were left out")));
}

}  // namespace

void AddList(CLI::App& app, Session& session, int* exit_code) {
  auto options = std::make_shared<ListOptions>();
  CLI::App* command = app.add_subcommand("list", "List what is suppressed, newest first");
  command->add_option("--order", options->order, "NEWEST_FIRST or BY_ADDRESS [default: NEWEST_FIRST]");
  AddDomainOption(command, &options->filter);
  AddFilterOptions(command, &options->filter, "SUPPRESSED_NOW");
  command->add_option("--at_least", options->at_least, "Answer from the state of this token or a later one");
  command->add_option("--max_staleness", options->max_staleness,
                      "How old the answer of a sidecar may be [default: however old]");
  command->add_option("--page_token", options->page_token, "Go on where an earlier listing stopped");
  CLI::Option* limit = command->add_option("--limit", options->limit, "At most so many entries")
                           ->check(CLI::Range(int64_t{1}, kAllMax))
                           ->capture_default_str();
  command->add_flag("--all", options->all, "Every entry, page after page")->excludes(limit);
  command->add_flag("--counts", options->counts, "Also count all matches by reason; walks the whole list");
  command->footer("Exit codes: 0 done, 2 error.");
  command->callback([options, &session, exit_code] { *exit_code = List(*options, session); });
}

}  // namespace suppressd::suppressctl
