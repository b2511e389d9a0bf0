// Reports over real gRPC: mails and payloads that take long, ids that are used twice, rules that change in between.
#include <gmock/gmock.h>

#include <atomic>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "server/list/report_plan.h"
#include "tests/mail/mails.h"
#include "tests/testing/commands.h"
#include "tests/testing/test_server.h"

namespace suppressd {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kId[] = "3f0c1f6e-7a55-4c5e-9d1b-0f6f4f6b8a01";

v1::ReportBounceRequest Reply(const std::string& recipient) {
  v1::ReportBounceRequest request;
  request.mutable_smtp_reply()->set_recipient(recipient);
  request.mutable_smtp_reply()->set_text("550 5.1.1 no such user");
  return request;
}

v1::ReportBounceRequest Mail(const std::vector<std::string>& recipients) {
  std::string status;
  for (const std::string& recipient : recipients) {
    absl::StrAppend(&status, "Final-Recipient: rfc822; ", recipient,
                    "\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 user unknown\n\n");
  }
  v1::ReportBounceRequest request;
  request.mutable_raw_message()->set_content(Dsn("It failed.", status));
  return request;
}

// A SendGrid payload with a bounce of each; with ids when `ids`.
v1::ReportBounceRequest Payload(const std::vector<std::string>& recipients, bool ids) {
  std::string payload;
  for (const std::string& recipient : recipients) {
    absl::StrAppend(&payload, payload.empty() ? "[" : ",", R"({"event":"bounce","email":")", recipient,
                    R"(","reason":"550 5.1.1 User unknown","timestamp":1772442907)",
                    ids ? absl::StrCat(R"(,"sg_event_id":")", recipient, "\"") : "", "}");
  }
  v1::ReportBounceRequest request;
  request.mutable_provider_event()->set_provider("sendgrid");
  request.mutable_provider_event()->set_payload(payload + "]");
  return request;
}

class ReportsTest : public ::testing::Test {
 protected:
  void Start(const ServiceOptions& options = {}) { server_ = std::make_unique<TestServer>(StoreOptions(), options); }

  grpc::Status Report(const v1::ReportBounceRequest& request, v1::ReportBounceResponse* response) {
    grpc::ClientContext context;
    response->Clear();
    return server_->stub().ReportBounce(&context, request, response);
  }
  grpc::Status Report(v1::ReportBounceRequest request, const std::string& request_id,
                      v1::ReportBounceResponse* response) {
    request.set_request_id(request_id);
    return Report(request, response);
  }
  bool Suppressed(const std::string& address) {
    grpc::ClientContext context;
    v1::IsSuppressedRequest request;
    v1::IsSuppressedResponse response;
    request.set_address(address);
    const grpc::Status status = server_->stub().IsSuppressed(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.suppressed();
  }
  // The commands that this version makes of a request.
  std::vector<stored::Command> CommandsOf(const v1::ReportBounceRequest& request) {
    auto plan = PlanReport(request, server_->clock().Now(), *server_->rules().classifier(), *server_->rules().policy());
    EXPECT_TRUE(plan.ok()) << plan.status();
    return plan.ok() ? std::move(plan->commands) : std::vector<stored::Command>();
  }
  void Append(const stored::Command& command) {
    absl::Notification written;
    server_->log().Append(command, [&](const auto& result) {
      EXPECT_TRUE(result.applied() && result.result.error_reason().empty());
      written.Notify();
    });
    written.WaitForNotification();
  }

  std::unique_ptr<TestServer> server_;
};

// Keeps the first threads that ask for the time waiting.
class Gate {
 public:
  explicit Gate(int held) : hold_(held) {}
  void Ask() {
    absl::MutexLock lock(&mutex_);
    threads_.insert(std::this_thread::get_id());
    if (hold_ == 0) return;
    --hold_;
    ++held_;
    mutex_.Await(absl::Condition(&open_));
  }
  void AwaitHeld(int count) {
    const auto held = [&] { return held_ >= count; };
    absl::MutexLock lock(&mutex_, absl::Condition(&held));
  }
  void Open() {
    absl::MutexLock lock(&mutex_);
    open_ = true;
  }
  // That asked since the last call.
  std::set<std::thread::id> TakeThreads() {
    absl::MutexLock lock(&mutex_);
    return std::exchange(threads_, {});
  }

 private:
  absl::Mutex mutex_;
  int hold_;
  int held_ = 0;
  bool open_ = false;
  std::set<std::thread::id> threads_;
};

// Reports under way.
class Reporters {
 public:
  Reporters(v1::SuppressionService::StubInterface* stub, int count) : stub_(stub), left_(count) {}
  void Send(const v1::ReportBounceRequest& request) {
    Call& call = calls_.emplace_back();
    call.request = request;
    stub_->async()->ReportBounce(&call.context, &call.request, &call.response, [this, &call](grpc::Status status) {
      call.status = std::move(status);
      ++answered_;
      left_.DecrementCount();
    });
  }
  int answered() const { return answered_; }
  // The reasons of those that failed, once all are answered.
  std::vector<std::string> Failures() {
    left_.Wait();
    std::vector<std::string> failures;
    for (const Call& call : calls_) {
      if (!call.status.ok()) failures.push_back(GrpcReason(call.status));
    }
    return failures;
  }

 private:
  struct Call {
    grpc::ClientContext context;
    v1::ReportBounceRequest request;
    v1::ReportBounceResponse response;
    grpc::Status status;
  };
  v1::SuppressionService::StubInterface* const stub_;
  std::deque<Call> calls_;
  std::atomic<int> answered_{0};
  absl::BlockingCounter left_;
};

TEST_F(ReportsTest, MailsAndPayloadsAreReadOnThreadsThatAnswerNothingElse) {
  constexpr int kReports = 32;
  ServiceOptions options;
  options.mail_threads = 2;
  Start(options);
  Gate gate(options.mail_threads);
  server_->clock().on_ask = [&] { gate.Ask(); };
  Reporters reporters(&server_->stub(), kReports);
  for (int i = 0; i < kReports; ++i) {
    const std::string recipient = absl::StrCat("u", i, "@example.com");
    reporters.Send(i % 2 == 0 ? Mail({recipient}) : Payload({recipient}, true));
  }
  gate.AwaitHeld(options.mail_threads);
  const std::set<std::thread::id> readers = gate.TakeThreads();
  EXPECT_THAT(readers, SizeIs(2)) << "no other thread reads mails, however many come";
  v1::ReportBounceResponse response;
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(Suppressed("jo@example.com")) << "answered while nobody can read a mail";
    EXPECT_TRUE(Report(Reply(absl::StrCat("al", i, "@example.com")), &response).ok()) << "so is an SMTP reply";
  }
  EXPECT_EQ(reporters.answered(), 0);
  gate.TakeThreads();
  gate.Open();
  EXPECT_THAT(reporters.Failures(), IsEmpty());
  for (const std::thread::id id : gate.TakeThreads()) EXPECT_TRUE(readers.contains(id));
  EXPECT_TRUE(Suppressed("u31@example.com"));
}

TEST_F(ReportsTest, MoreMailsThanMayBeInFlightAreTurnedAway) {
  ServiceOptions options;
  options.mail_threads = 1;
  options.mails_in_flight_max = 3;
  Start(options);
  Gate gate(1);
  server_->clock().on_ask = [&] { gate.Ask(); };
  Reporters reporters(&server_->stub(), 5);
  for (int i = 0; i < 5; ++i) reporters.Send(Mail({absl::StrCat("u", i, "@example.com")}));
  while (reporters.answered() < 2) std::this_thread::yield();
  gate.AwaitHeld(1);  // by the thread that reads mails, and not by what asks next
  v1::ReportBounceResponse response;
  EXPECT_EQ(GrpcReason(Report(Payload({"jo@example.com"}, true), &response)), "OVERLOADED");
  EXPECT_TRUE(Report(Reply("al@example.com"), &response).ok()) << "a reply is no mail";
  gate.Open();
  EXPECT_THAT(reporters.Failures(), ElementsAre("OVERLOADED", "OVERLOADED"));
  EXPECT_TRUE(Report(Payload({"jo@example.com"}, true), &response).ok());
}

TEST_F(ReportsTest, ARequestIdStandsForOneRequestWhateverItsKind) {
  v1::ReportBounceRequest complaint;
  complaint.mutable_complaint()->set_recipient("jo@example.com");
  const std::vector<v1::ReportBounceRequest> requests = {
      Reply("jo@example.com"),
      complaint,
      Mail({"jo@example.com", "ann@example.com"}),
      Payload({"jo@example.com"}, true),
      Payload({"jo@example.com", "ann@example.com"}, true),
      Payload({"jo@example.com"}, false),
      Payload({"ann@example.com", "jo@example.com"}, false),
  };
  for (size_t first = 0; first < requests.size(); ++first) {
    Start();
    v1::ReportBounceResponse response, repeat;
    ASSERT_TRUE(Report(requests[first], kId, &response).ok());
    for (size_t second = 0; second < requests.size(); ++second) {
      const grpc::Status status = Report(requests[second], kId, &repeat);
      if (second == first) {
        EXPECT_TRUE(status.ok()) << status.error_message();
        EXPECT_TRUE(repeat.duplicate());
        EXPECT_EQ(repeat.outcomes_size(), response.outcomes_size());
      } else {
        EXPECT_EQ(GrpcReason(status), "REQUEST_ID_REUSED") << first << " then " << second;
        EXPECT_EQ(status.error_code(), grpc::StatusCode::ALREADY_EXISTS);
      }
    }
  }
}

std::vector<std::string> Addresses(const v1::ReportBounceResponse& response) {
  std::vector<std::string> addresses;
  for (const v1::RecipientOutcome& outcome : response.outcomes()) addresses.push_back(outcome.address());
  return addresses;
}

TEST_F(ReportsTest, ARepeatIsAnsweredFromTheFirstAnswerHoweverItIsReadNow) {
  const std::vector<std::vector<std::string>> read_before = {{"ann@example.com"},
                                                             {"jo@example.com", "ann@example.com", "al@example.com"},
                                                             {"ann@example.com", "jo@example.com"}};
  for (const std::vector<std::string>& before : read_before) {
    Start();
    v1::ReportBounceRequest request = Mail({"jo@example.com", "ann@example.com"});
    request.set_request_id(kId);
    stored::Command command = CommandsOf(request).at(0);
    const stored::RecipientReport recipient = command.report().recipients(0);
    command.mutable_report()->clear_recipients();
    for (const std::string& address : before) {
      stored::RecipientReport* report = command.mutable_report()->add_recipients();
      *report = recipient;
      *report->mutable_target() = TargetOf(address);
    }
    Append(command);
    v1::ReportBounceResponse response;
    ASSERT_TRUE(Report(request, &response).ok());
    EXPECT_TRUE(response.duplicate());
    EXPECT_EQ(Addresses(response), before);
    for (const v1::RecipientOutcome& outcome : response.outcomes())
      EXPECT_EQ(outcome.effect(), v1::BounceEvent::SUPPRESSED);
  }
}

TEST_F(ReportsTest, ARepeatThatIsReadAsBeforeHasTheRefusedRecipientsToo) {
  Start();
  v1::ReportBounceResponse first, second;
  ASSERT_TRUE(Report(Mail({"jo@exa_mple..com", "ann@example.com"}), kId, &first).ok());
  ASSERT_TRUE(Report(Mail({"jo@exa_mple..com", "ann@example.com"}), kId, &second).ok());
  EXPECT_TRUE(second.duplicate());
  ASSERT_EQ(second.outcomes_size(), 2);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(second.outcomes(i).SerializeAsString(), first.outcomes(i).SerializeAsString());
  }
}

}  // namespace
}  // namespace suppressd
