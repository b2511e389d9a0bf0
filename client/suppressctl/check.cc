// suppressctl check: may these addresses be mailed?
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/suppressctl/address_source.h"
#include "client/suppressctl/commands.h"
#include "client/suppressctl/parse.h"
#include "client/suppressctl/render.h"

namespace suppressd::suppressctl {
namespace {

constexpr size_t kBatchMaxAddresses = 10'000;

struct CheckOptions {
  std::vector<std::string> addresses;
  std::string stream;
  std::string at_least;
  std::string max_staleness;
  bool refusal = false;
};

JsonObject ToJson(const std::string& address, Answer answer, const BatchItem* item) {
  JsonObject json;
  json.Add("address", address).Add("answer", Name(answer));
  if (item == nullptr) return json;
  json.AddAll("matches", item->matches, [](const Match& match) { return suppressctl::ToJson(match); });
  json.Add("matchesLeftOut", item->matches_left_out);
  if (item->error.reason.empty()) return json;
  return json.Add("error", suppressctl::ToJson(item->error));
}

std::string AnswerText(Answer answer) {
  switch (answer) {
    case Answer::kNotSuppressed:
      return "no";
    case Answer::kSuppressed:
      return "yes";
    case Answer::kNotKnown:
      return "not known";
    case Answer::kFailed:
      return "invalid";
    default:
      return Name(answer);
  }
}

std::vector<std::string> ToRow(const std::string& address, Answer answer, const BatchItem* item) {
  if (item == nullptr) return {address, AnswerText(answer), ""};
  if (!item->error.reason.empty()) {
    return {address, AnswerText(answer), absl::StrCat(item->error.reason, ": ", item->error.message)};
  }
  return {address, AnswerText(answer), item->matches_left_out ? "(matches left out)" : Describe(item->matches)};
}

// Prints as the answers come, batch by batch, so that a long list needs little memory.
class CheckPrinter {
 public:
  explicit CheckPrinter(Session& session) : session_(session) {
    if (session_.json()) session_.out() << "{\"results\":[";
  }

  void Add(const BatchRequest& request, const BatchResult& result) {
    Table table({"ADDRESS", "SUPPRESSED", "WHY"});
    auto item = result.items.begin();
    for (size_t i = 0; i < request.addresses.size(); ++i) {
      const bool here = item != result.items.end() && static_cast<size_t>(item->index) == i;
      const BatchItem* found = here ? &*item++ : nullptr;
      const Answer answer = i < result.answers.size() ? result.answers[i] : Answer::kUnspecified;
      if (session_.json()) {
        session_.out() << (printed_++ == 0 ? "" : ",") << ToJson(request.addresses[i], answer, found).ToString();
      } else {
        table.Add(ToRow(request.addresses[i], answer, found));
      }
    }
    if (!session_.json()) table.Print(session_.out());
    session_.out().flush();
    if (result.freshness) freshness_ = freshness_ ? Older(*freshness_, *result.freshness) : *result.freshness;
  }

  // The freshness printed is that of the oldest batch.
  void Finish(const std::string& token) {
    if (!session_.json()) {
      if (freshness_) session_.out() << Describe(*freshness_) << "\n";
      return;
    }
    session_.out() << "]" << (token.empty() ? "" : ",\"revisionToken\":" + JsonString(token))
                   << (freshness_ ? ",\"freshness\":" + suppressctl::ToJson(*freshness_).ToString() : "") << "}\n";
  }

 private:
  // No replica is worse than an old one, an unknown age worse than any.
  static Freshness Older(const Freshness& a, const Freshness& b) {
    if ((a.basis == FreshnessBasis::kNothing) != (b.basis == FreshnessBasis::kNothing)) {
      return a.basis == FreshnessBasis::kNothing ? a : b;
    }
    const absl::Duration unknown = absl::InfiniteDuration();
    return a.staleness.value_or(unknown) < b.staleness.value_or(unknown) ? b : a;
  }

  Session& session_;
  size_t printed_ = 0;
  std::optional<Freshness> freshness_;
};

// An invalid address outweighs a suppressed one: the caller must not take the run for an answer. So does an address
// that a sidecar without a replica does not know, and an answer that is missing or not known to this version.
int Worse(int exit_code, const BatchResult& result, size_t asked) {
  if (result.answers.size() != asked) return kFailed;
  for (const Answer answer : result.answers) {
    if (answer == Answer::kNotSuppressed) continue;
    if (answer != Answer::kSuppressed) return kFailed;
    exit_code = kFinding;
  }
  return exit_code;
}

// For a mail server that asks about the one recipient it is about to take.
int PrintRefusal(const CheckOptions& options, Session& session) {
  if (options.addresses.size() != 1 || options.addresses[0] == "-" || !session.table()) {
    return session.Fail(absl::InvalidArgumentError("--refusal goes with one address, and without -o"));
  }
  CheckRequest request;
  request.address = options.addresses[0];
  request.stream = options.stream;
  request.at_least = options.at_least;
  if (const absl::Status usage = ParseMaxStaleness(options.max_staleness, &request.max_staleness); !usage.ok()) {
    return session.Fail(usage);
  }
  const absl::StatusOr<Client> client = session.MakeClient();
  if (!client.ok()) return session.Fail(client.status());
  const absl::StatusOr<CheckResult> result = client->IsSuppressed(request);
  if (!result.ok()) return session.Fail(result.status());
  if (result->MaySend()) return kDone;
  if (result->answer != Answer::kSuppressed) {
    return session.Fail(absl::UnavailableError(absl::StrCat("the answer is ", Name(result->answer))));
  }
  session.out() << Escape(result->refusal_text) << "\n";
  return kFinding;
}

int Check(const CheckOptions& options, Session& session) {
  if (options.refusal) return PrintRefusal(options, session);
  BatchRequest request;
  request.stream = options.stream;
  if (const absl::Status usage = ParseMaxStaleness(options.max_staleness, &request.max_staleness); !usage.ok()) {
    return session.Fail(usage);
  }
  const absl::StatusOr<Client> client = session.MakeClient();
  if (!client.ok()) return session.Fail(client.status());
  AddressSource source(options.addresses, session.in());
  std::unique_ptr<CheckPrinter> printer;
  std::string token = options.at_least;
  int exit_code = kDone;
  for (bool more = true; more;) {
    request.addresses.clear();
    request.at_least = token;
    std::string address;
    while (request.addresses.size() < kBatchMaxAddresses && (more = source.Next(&address))) {
      request.addresses.push_back(address);
    }
    if (request.addresses.empty() && printer != nullptr) break;
    const absl::StatusOr<BatchResult> result = client->BatchIsSuppressed(request);
    if (!result.ok()) {
      if (printer != nullptr) printer->Finish(token);
      return session.Fail(result.status());
    }
    if (printer == nullptr) printer = std::make_unique<CheckPrinter>(session);
    printer->Add(request, *result);
    token = result->revision_token;
    exit_code = exit_code == kFailed ? kFailed : Worse(exit_code, *result, request.addresses.size());
  }
  printer->Finish(token);
  return exit_code;
}

}  // namespace

void AddCheck(CLI::App& app, Session& session, int* exit_code) {
  auto options = std::make_shared<CheckOptions>();
  CLI::App* command = app.add_subcommand("check", "May these addresses be mailed?");
  command->add_option("address", options->addresses, "Addresses; - reads one a line from standard input")->required();
  command->add_option("--stream", options->stream, "The stream of the mail");
  command->add_option("--at_least", options->at_least, "Answer from the state of this token or a later one");
  command->add_option("--max_staleness", options->max_staleness,
                      "How old the answer of a sidecar may be, such as 5s; 0s: the newest [default: however old]");
  command->add_flag("--refusal", options->refusal,
                    "Of one address: print nothing but what a mail server is to say when it refuses it "
                    "(docs/mail_servers.md); nothing when it is not suppressed");
  command->footer(
      "Exit codes: 0 none is suppressed, 1 at least one is, 2 error, or an address that is invalid or not known.");
  command->callback([options, &session, exit_code] { *exit_code = Check(*options, session); });
}

}  // namespace suppressd::suppressctl
