// Who is let in when it is too much: each kind of call has room of its own, so that writes that wait for the log keep
// no check out, nor listings writes; and a large request for which there is no room is not even read.
#include <grpc/grpc.h>
#include <grpcpp/impl/client_unary_call.h>
#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/server_builder.h"
#include "grpcpp/support/byte_buffer.h"
#include "server/list/rule_book.h"
#include "server/list/service.h"
#include "storage/revision_token.h"
#include "tests/testing/memory_servers.h"
#include "tests/testing/test_server.h"

namespace suppressd {
namespace {

constexpr int kLargeBatch = kSmallBatch + 1;
constexpr char kNoMessage[] = "\xff";  // a number that does not end

v1::IsSuppressedRequest Check() {
  v1::IsSuppressedRequest request;
  request.set_address("jo@example.com");
  return request;
}
v1::BatchIsSuppressedRequest Batch(int addresses) {
  v1::BatchIsSuppressedRequest request;
  for (int i = 0; i < addresses; ++i) request.add_addresses(absl::StrCat("u", i, "@example.com"));
  return request;
}
v1::ReportBounceRequest Mail() {
  v1::ReportBounceRequest request;
  request.mutable_raw_message()->set_content(
      "Subject: Undelivered\r\n\r\n<jo@example.com>: 550 5.1.1 no such user\r\n");
  request.mutable_raw_message()->set_recipient("jo@example.com");
  return request;
}
v1::ReportBounceRequest Reply() {
  v1::ReportBounceRequest request;
  request.mutable_smtp_reply()->set_recipient("al@example.com");
  request.mutable_smtp_reply()->set_text("550 5.1.1 no such user");
  return request;
}
v1::SuppressRequest Suppression() {
  v1::SuppressRequest request;
  request.set_address("ann@example.com");
  request.set_note("test");
  return request;
}

// A server whose log applies what is appended when a test says so.
class AdmissionTest : public ::testing::Test {
 protected:
  AdmissionTest() {
    SetLogLevel("error");
    grpc_init();  // never shut down, see tests/testing/test_server.h
    rules_ = *RuleBook::Open("", "");
  }
  ~AdmissionTest() override {
    if (server_ == nullptr) return;
    log().StepAll();
    service_->BeginDrain();
    server_->Shutdown(std::chrono::system_clock::now());
    server_.reset();
    servers_.log(0).Close();
  }

  void Start(const ServiceOptions& options) {
    service_ = std::make_unique<SuppressionService>(
        &servers_.store(0).reader(), &servers_.log(0), rules_.get(), [] { return absl::Now(); }, options);
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address(), grpc::InsecureServerCredentials());
    builder.RegisterService(service_.get());
    server_ = builder.BuildAndStart();
    channel_ = grpc::CreateChannel(address(), grpc::InsecureChannelCredentials());
    stub_ = v1::SuppressionService::NewStub(channel_);
  }
  std::string address() const { return "unix:" + (directory_ / "socket"); }
  MemoryLog& log() { return servers_.shared(); }
  v1::SuppressionService::Stub& stub() { return *stub_; }

  // A state that comes with the next write: what demands it waits, and is in flight.
  std::string Later() { return EncodeToken({servers_.store(0).reader().lineage(), 1}); }
  void AwaitInFlight(int64_t calls) {
    while (service_->calls_in_flight() < calls) std::this_thread::yield();
  }
  // The next write, which brings the state that Later names.
  void Append() {
    servers_.log(0).Append(SuppressCommand(), [](const AppendResult&) {});
  }

  // Calls, and waits for the answer.
  template <typename Request, typename Response>
  grpc::Status Call(grpc::Status (v1::SuppressionService::Stub::*method)(grpc::ClientContext*, const Request&,
                                                                         Response*),
                    const Request& request) {
    grpc::ClientContext context;
    Response response;
    return (stub().*method)(&context, request, &response);
  }
  grpc::Status CheckOne() { return Call(&v1::SuppressionService::Stub::IsSuppressed, Check()); }
  grpc::Status CheckBatch(int addresses) {
    return Call(&v1::SuppressionService::Stub::BatchIsSuppressed, Batch(addresses));
  }
  grpc::Status List() { return Call(&v1::SuppressionService::Stub::ListSuppressions, v1::ListSuppressionsRequest()); }
  grpc::Status Report(const v1::ReportBounceRequest& report) {
    return Call(&v1::SuppressionService::Stub::ReportBounce, report);
  }
  grpc::Status SuppressOne() { return Call(&v1::SuppressionService::Stub::Suppress, Suppression()); }
  // So many bytes that are no message of any call: who reads them says INVALID_FIELD.
  std::string ReasonForBytes(const std::string& method, size_t count) {
    const std::string path = "/suppressd.v1.SuppressionService/" + method;
    const grpc::internal::RpcMethod rpc(path.c_str(), grpc::internal::RpcMethod::NORMAL_RPC);
    std::string bytes;
    while (bytes.size() < count) bytes += kNoMessage;
    const grpc::Slice slice(bytes);
    const grpc::ByteBuffer request(&slice, 1);
    grpc::ByteBuffer response;
    grpc::ClientContext context;
    return GrpcReason(grpc::internal::BlockingUnaryCall(channel_.get(), rpc, &context, request, &response));
  }

  // A call that somebody else waits for.
  template <typename Request, typename Response>
  struct InFlight {
    grpc::ClientContext context;
    Request request;
    Response response;
    grpc::Status status;
    absl::Notification answered;
  };
  template <typename Request, typename Response>
  class CallsInFlight {
   public:
    // `method` of the stub's async interface.
    template <typename Method>
    void Add(v1::SuppressionService::Stub* stub, Method method, const Request& request) {
      InFlight<Request, Response>& call = calls_.emplace_back();
      call.request = request;
      (stub->async()->*method)(&call.context, &call.request, &call.response, [&call](const grpc::Status& status) {
        call.status = status;
        call.answered.Notify();
      });
    }
    // The log goes on, and all are answered.
    void ExpectAllAnswered(MemoryLog* log) {
      for (auto& call : calls_) {
        while (!call.answered.HasBeenNotified()) {
          log->StepAll();
          std::this_thread::yield();
        }
        EXPECT_TRUE(call.status.ok()) << call.status.error_message();
      }
    }

   private:
    std::deque<InFlight<Request, Response>> calls_;
  };
  using AsyncStub = v1::SuppressionService::StubInterface::async_interface;

 private:
  static stored::Command SuppressCommand() {
    stored::Command command;
    command.set_tenant("default");
    *command.mutable_at() = FromMicros(absl::ToUnixMicros(absl::Now()));
    command.mutable_suppress()->mutable_target()->set_domain("example.net");
    command.mutable_suppress()->mutable_target()->set_local_part("later");
    command.mutable_suppress()->mutable_cause()->set_type(v1::Cause::MANUAL);
    return command;
  }

  TempDirectory directory_;
  MemoryServers servers_{{.repeated_one_in = 0, .late_one_in = 0, .refused_one_in = 0}, 1};
  std::unique_ptr<RuleBook> rules_;
  std::unique_ptr<SuppressionService> service_;
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::SuppressionService::Stub> stub_;
};

void ExpectOverloaded(const grpc::Status& status) {
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(GrpcReason(status), "OVERLOADED");
  EXPECT_GT(GrpcRetryDelay(status), absl::ZeroDuration()) << "when to try again";
}

TEST_F(AdmissionTest, LargeBatchesBeyondTheirNumberAreTurnedAwayUnreadAndNothingElseIs) {
  Start({.batches_in_flight_max = 2});
  EXPECT_EQ(ReasonForBytes("BatchIsSuppressed", kSmallBatchBytes + 1), "INVALID_FIELD") << "there is room: it is read";
  CallsInFlight<v1::BatchIsSuppressedRequest, v1::BatchIsSuppressedResponse> held;
  v1::BatchIsSuppressedRequest waits = Batch(kLargeBatch);
  waits.set_at_least(Later());
  using Method = void (AsyncStub::*)(grpc::ClientContext*, const v1::BatchIsSuppressedRequest*,
                                     v1::BatchIsSuppressedResponse*, std::function<void(grpc::Status)>);
  for (int i = 0; i < 2; ++i) held.Add(&stub(), static_cast<Method>(&AsyncStub::BatchIsSuppressed), waits);
  AwaitInFlight(2);
  ExpectOverloaded(CheckBatch(kLargeBatch));
  EXPECT_EQ(ReasonForBytes("BatchIsSuppressed", kSmallBatchBytes + 1), "OVERLOADED") << "it was read";
  EXPECT_EQ(ReasonForBytes("BatchIsSuppressed", kSmallBatchBytes - 1), "INVALID_FIELD") << "small ones are read";
  EXPECT_TRUE(CheckBatch(kSmallBatch).ok());
  EXPECT_TRUE(CheckOne().ok());
  EXPECT_TRUE(List().ok());
  Append();
  held.ExpectAllAnswered(&log());
  EXPECT_TRUE(CheckBatch(kLargeBatch).ok()) << "there is room again";
}

TEST_F(AdmissionTest, MailsBeyondTheirNumberAreTurnedAwayUnreadAndRepliesAreNot) {
  Start({.mails_in_flight_max = 1});
  EXPECT_EQ(ReasonForBytes("ReportBounce", kSmallReportBytes + 1), "INVALID_FIELD") << "there is room: it is read";
  CallsInFlight<v1::ReportBounceRequest, v1::ReportBounceResponse> held;
  using Method = void (AsyncStub::*)(grpc::ClientContext*, const v1::ReportBounceRequest*, v1::ReportBounceResponse*,
                                     std::function<void(grpc::Status)>);
  held.Add(&stub(), static_cast<Method>(&AsyncStub::ReportBounce), Mail());
  AwaitInFlight(1);
  ExpectOverloaded(Report(Mail()));
  EXPECT_EQ(ReasonForBytes("ReportBounce", kSmallReportBytes + 1), "OVERLOADED") << "it was read";
  EXPECT_EQ(ReasonForBytes("ReportBounce", kSmallReportBytes - 1), "INVALID_FIELD") << "small ones are read";
  held.Add(&stub(), static_cast<Method>(&AsyncStub::ReportBounce), Reply());
  AwaitInFlight(2);  // it was let in
  EXPECT_TRUE(CheckOne().ok());
  held.ExpectAllAnswered(&log());
}

TEST_F(AdmissionTest, WritesThatWaitForTheLogKeepNoCheckOut) {
  const ServiceOptions options{.calls_in_flight_max = 4};
  Start(options);
  CallsInFlight<v1::SuppressRequest, v1::SuppressResponse> held;
  using Write = void (AsyncStub::*)(grpc::ClientContext*, const v1::SuppressRequest*, v1::SuppressResponse*,
                                    std::function<void(grpc::Status)>);
  for (int i = 0; i < options.writes_in_flight_max(); ++i) {
    held.Add(&stub(), static_cast<Write>(&AsyncStub::Suppress), Suppression());
  }
  AwaitInFlight(options.writes_in_flight_max());
  ExpectOverloaded(SuppressOne());
  ExpectOverloaded(Report(Reply()));
  CallsInFlight<v1::IsSuppressedRequest, v1::IsSuppressedResponse> checks;
  using Read = void (AsyncStub::*)(grpc::ClientContext*, const v1::IsSuppressedRequest*, v1::IsSuppressedResponse*,
                                   std::function<void(grpc::Status)>);
  v1::IsSuppressedRequest waits = Check();
  waits.set_at_least(Later());
  for (int i = 1; i < options.calls_in_flight_max; ++i) {
    checks.Add(&stub(), static_cast<Read>(&AsyncStub::IsSuppressed), waits);
  }
  AwaitInFlight(options.writes_in_flight_max() + options.calls_in_flight_max - 1);
  EXPECT_TRUE(CheckOne().ok()) << "as many checks as without the writes";
  EXPECT_TRUE(List().ok());
  held.ExpectAllAnswered(&log());
  checks.ExpectAllAnswered(&log());
}

TEST_F(AdmissionTest, ListingsThatWaitKeepNeitherChecksNorWritesOut) {
  Start({.listings_in_flight_max = 1});
  CallsInFlight<v1::ListSuppressionsRequest, v1::ListSuppressionsResponse> held;
  using Method = void (AsyncStub::*)(grpc::ClientContext*, const v1::ListSuppressionsRequest*,
                                     v1::ListSuppressionsResponse*, std::function<void(grpc::Status)>);
  v1::ListSuppressionsRequest waits;
  waits.set_at_least(Later());
  held.Add(&stub(), static_cast<Method>(&AsyncStub::ListSuppressions), waits);
  AwaitInFlight(1);
  ExpectOverloaded(List());
  EXPECT_TRUE(CheckOne().ok());
  EXPECT_TRUE(CheckBatch(kLargeBatch).ok());
  CallsInFlight<v1::SuppressRequest, v1::SuppressResponse> write;
  using Write = void (AsyncStub::*)(grpc::ClientContext*, const v1::SuppressRequest*, v1::SuppressResponse*,
                                    std::function<void(grpc::Status)>);
  write.Add(&stub(), static_cast<Write>(&AsyncStub::Suppress), Suppression());
  AwaitInFlight(2);
  write.ExpectAllAnswered(&log());
  held.ExpectAllAnswered(&log());
}

}  // namespace
}  // namespace suppressd
