// Real payloads, labelled by hand: ../shared/corpus beside the checkout, where there is one.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "server/bounces/rules/policy.h"
#include "tests/rules/provider_events.h"

namespace suppressd {
namespace {

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// The columns of labels-webhooks.tsv by name.
std::vector<std::map<std::string, std::string>> Rows(const std::string& tsv) {
  std::vector<std::string> header;
  std::vector<std::map<std::string, std::string>> rows;
  for (const absl::string_view line : absl::StrSplit(tsv, '\n', absl::SkipEmpty())) {
    const std::vector<std::string> cells = absl::StrSplit(line, '\t');
    if (header.empty()) {
      header = cells;
      continue;
    }
    auto& row = rows.emplace_back();
    for (size_t i = 0; i < header.size() && i < cells.size(); ++i) row[header[i]] = cells[i];
  }
  return rows;
}

// As the labels write it.
std::string LabelledReason(const v1::Verdict& verdict) {
  if (verdict.bounce_class() == v1::Verdict::COMPLAINT) return "COMPLAINT";
  return verdict.reason() == v1::BOUNCE_REASON_UNSPECIFIED ? "-" : v1::BounceReason_Name(verdict.reason());
}

std::string SuppressesNow(const v1::Verdict& verdict) {
  static const auto policy = Policy::BuiltIn();
  return policy->Decide("default", verdict).action() == storage::v1::PolicyDecision::SUPPRESS ? "yes" : "no";
}

TEST(ProviderCorpus, EveryLabelIsMet) {
  const std::filesystem::path corpus = CORPUS_DIR;
  if (!std::filesystem::exists(corpus / "labels-webhooks.tsv")) {
    std::printf("no corpus at %s: nothing compared\n", CORPUS_DIR);
    return;
  }
  size_t compared = 0;
  std::map<std::string, size_t> labelled;
  const auto rows = Rows(ReadFile(corpus / "labels-webhooks.tsv"));
  for (auto row : rows) {
    const std::string where = row["file"] + "#" + row["n"];
    const auto reports = Read(row["provider"], ReadFile(corpus / row["file"]));
    ASSERT_TRUE(reports.ok()) << where << " " << reports.status();
    size_t n = 0;
    ASSERT_TRUE(absl::SimpleAtoi(row["n"], &n) && n >= 1 && n <= reports->size()) << where;
    const ReportedRecipient& report = (*reports)[n - 1];
    EXPECT_EQ(report.recipient, row["recipient"]) << where;
    EXPECT_EQ(v1::Verdict::Class_Name(report.event.verdict().bounce_class()), row["class"]) << where << Summary(report);
    EXPECT_EQ(LabelledReason(report.event.verdict()), row["reason"]) << where << " " << Summary(report);
    EXPECT_EQ(SuppressesNow(report.event.verdict()), row["suppress_now"]) << where << " " << Summary(report);
    EXPECT_TRUE(report.event.has_occurred_at()) << where;
    labelled[row["file"]] = std::max(labelled[row["file"]], n);
    EXPECT_GE(reports->size(), labelled[row["file"]]) << where;
    ++compared;
  }
  EXPECT_GT(compared, 0u);
  for (const auto& [file, recipients] : labelled) {
    const std::string provider = absl::StrContains(file, "amazonses") ? "ses" : "sendgrid";
    EXPECT_EQ(Read(provider, ReadFile(corpus / file))->size(), recipients) << file;
  }
  std::printf("%zu labels compared\n", compared);
}

}  // namespace
}  // namespace suppressd
