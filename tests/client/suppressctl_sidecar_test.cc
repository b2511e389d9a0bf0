// What suppressctl asks of a sidecar and shows of it.
#include <stdlib.h>

#include <sstream>

#include "suppressctl_fixture.h"

namespace suppressd::suppressctl {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class SidecarTest : public SuppressctlTest {
 protected:
  void SetFreshness(v1::Freshness::Basis basis, int seconds) {
    freshness_.set_basis(basis);
    freshness_.mutable_staleness()->set_seconds(seconds);
    freshness_.mutable_staleness()->set_nanos(250'000'000);
  }
  // Answers with freshness_; "new..." is suppressed by a report that is not delivered yet.
  void AnswerFromAReplica() {
    service_.on_batch = [this](const v1::BatchIsSuppressedRequest& request, v1::BatchIsSuppressedResponse* response) {
      batches_.push_back(request);
      *response->mutable_freshness() = freshness_;
      for (int i = 0; i < request.addresses_size(); ++i) {
        const bool is_new = request.addresses(i).rfind("new", 0) == 0;
        const bool known = freshness_.basis() != v1::Freshness::NOTHING;
        response->add_answers(is_new  ? v1::IsSuppressedResponse::SUPPRESSED
                              : known ? v1::IsSuppressedResponse::NOT_SUPPRESSED
                                      : v1::IsSuppressedResponse::NOT_KNOWN);
        if (!is_new) continue;
        v1::BatchResult* result = response->add_results();
        result->set_index(i);
        result->add_matches()->set_not_yet_delivered(true);
      }
      return grpc::Status::OK;
    };
  }

  v1::Freshness freshness_;
};

TEST_F(SidecarTest, CheckSaysHowFreshItsAnswerIs) {
  AnswerFromAReplica();
  SetFreshness(v1::Freshness::REPLICA, 3);
  EXPECT_EQ(Run({"check", "a@example.com", "--max_staleness", "5s"}), 0) << err_;
  EXPECT_EQ(batches_.at(0).max_staleness().seconds(), 5);
  EXPECT_THAT(out_, HasSubstr("\nanswered from a replica, at most 3.25s old\n"));
  EXPECT_EQ(Run({"check", "new@example.com", "-o", "json"}), 1);
  EXPECT_FALSE(batches_.at(1).has_max_staleness());
  EXPECT_THAT(out_, HasSubstr("\"notYetDelivered\":true"));
  const auto freshness = Json().fields().at("freshness").struct_value();
  EXPECT_EQ(freshness.fields().at("basis").string_value(), "REPLICA");
  EXPECT_EQ(freshness.fields().at("staleness").string_value(), "3.25s");
}

TEST_F(SidecarTest, CheckOfTheServerSaysNothingOfFreshness) {
  AnswerBatches();
  EXPECT_EQ(Run({"check", "a@example.com"}), 0);
  EXPECT_THAT(out_, Not(HasSubstr("replica")));
  EXPECT_EQ(Run({"check", "a@example.com", "-o", "json"}), 0);
  EXPECT_EQ(Json().fields().count("freshness"), 0u);
}

TEST_F(SidecarTest, CheckWithoutAReplicaIsNoAnswer) {
  AnswerFromAReplica();
  freshness_.set_basis(v1::Freshness::NOTHING);
  EXPECT_EQ(Run({"check", "a@example.com"}), 2);
  EXPECT_THAT(out_, HasSubstr("not known"));
  EXPECT_THAT(out_, HasSubstr("answered without a replica"));
  EXPECT_EQ(Run({"check", "new@example.com"}), 1) << "what it has yet to deliver it knows";
}

TEST_F(SidecarTest, AMaxStalenessOfZeroIsTakenAndNonsenseIsNot) {
  AnswerFromAReplica();
  EXPECT_EQ(Run({"check", "a@example.com", "--max_staleness", "0s"}), 0) << err_;
  EXPECT_TRUE(batches_.at(0).has_max_staleness());
  for (const char* text : {"-1s", "soon", "5"}) {
    EXPECT_EQ(Run({"check", "a@example.com", std::string("--max_staleness=") + text}), 2) << text;
    EXPECT_THAT(err_, HasSubstr("--max_staleness"));
  }
}

TEST_F(SidecarTest, AListingSaysHowFreshItIs) {
  v1::ListSuppressionsRequest got;
  service_.on_list = [&](const v1::ListSuppressionsRequest& request, v1::ListSuppressionsResponse* response) {
    got = request;
    response->mutable_freshness()->set_basis(v1::Freshness::REPLICA);
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"list", "--max_staleness", "2s"}), 0) << err_;
  EXPECT_EQ(got.max_staleness().seconds(), 2);
  EXPECT_THAT(out_, HasSubstr("answered from a replica, of unknown age\n"));
  EXPECT_EQ(Run({"list", "-o", "json"}), 0);
  EXPECT_THAT(out_, HasSubstr("\"freshness\":{\"basis\":\"REPLICA\"}"));
}

TEST_F(SidecarTest, AReportThatTheSidecarKeepsIsShownAsSuch) {
  service_.on_report = [](const auto&, v1::ReportBounceResponse* response) {
    response->add_outcomes()->mutable_verdict()->set_bounce_class(v1::Verdict::HARD);
    response->set_durability(v1::ReportBounceResponse::AT_SIDECAR);
    return grpc::Status::OK;
  };
  const std::vector<std::string> line = {"report", "--recipient", "a@example.com", "--text", "550 5.1.1 no"};
  EXPECT_EQ(Run(line), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("\nAT_SIDECAR: kept by the sidecar"));
  EXPECT_EQ(Run({"report", "--recipient", "a@example.com", "--text", "550 5.1.1 no", "-o", "json"}), 0);
  EXPECT_EQ(Json().fields().at("durability").string_value(), "AT_SIDECAR");
  EXPECT_EQ(Run({"report", "--file", "-"}, "a@example.com\t550\t5.1.1\tRCPT\t-\tno\n"), 0) << err_;
  EXPECT_THAT(err_, HasSubstr("1 of them AT_SIDECAR"));
}

TEST_F(SidecarTest, SuppressctlAsksTheTargetAndNoFallback) {
  AnswerBatches();
  FakeService silent;
  setenv("SUPPRESSION_FALLBACK_TARGET", service_.target().c_str(), 1);
  EXPECT_EQ(RunBare({"check", "a@example.com", "--target", silent.target()}), 2);
  silent.Stop();
  EXPECT_EQ(RunBare({"check", "a@example.com", "--target", silent.target(), "--timeout", "100ms"}), 2);
  unsetenv("SUPPRESSION_FALLBACK_TARGET");
  EXPECT_TRUE(batches_.empty());
}

TEST_F(SidecarTest, TheErrorsOfASidecarSayWhatToTry) {
  for (const v1::ErrorReason reason :
       {v1::UPSTREAM_UNREACHABLE, v1::OUTBOX_FULL, v1::TOO_STALE, v1::REPLICA_NOT_READY}) {
    EXPECT_THAT(Suggestion(MakeError(absl::StatusCode::kUnavailable, reason, "")), HasSubstr("--target"));
  }
}

TEST_F(SidecarTest, StatusShowsTheReplicaAndItsOutbox) {
  AnswerBatches();
  service_.SetHealth("suppressd.v1.SuppressionService", true);
  service_.SetHealth("suppressd.v1.SuppressionService/write", true);
  service_.sidecar.on_status = [](const auto&, v1::GetSidecarStatusResponse* response) {
    response->set_replica_id("mailer-7");
    response->set_upstream("server:7025");
    response->set_state(v1::Replica::AWAY);
    response->set_revision_token("t9");
    response->mutable_staleness()->set_seconds(90);
    response->set_estimated_entry_count(1'000);
    response->set_outbox_report_count(3);
    response->mutable_outbox_oldest_at()->set_seconds(1'780'000'000);
    response->set_outbox_refused_count(2);
    response->set_last_error("connection refused \x1b[31m");
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"status"}), 0) << err_;
  EXPECT_THAT(out_, AllOf(HasSubstr("mailer-7"), HasSubstr("server:7025"), HasSubstr("AWAY"), HasSubstr("90s"),
                          HasSubstr("2026-05-28T20:26:40Z"), HasSubstr("last error: connection refused \\x1b[31m\n")));
  EXPECT_EQ(Run({"status", "-o", "json"}), 0);
  v1::GetSidecarStatusResponse parsed;
  std::string replica;
  ASSERT_TRUE(google::protobuf::util::MessageToJsonString(Json().fields().at("replica").struct_value(), &replica).ok());
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(replica, &parsed).ok()) << replica;
  EXPECT_EQ(parsed.replica_id(), "mailer-7");
  EXPECT_EQ(parsed.staleness().seconds(), 90);
  EXPECT_EQ(parsed.outbox_oldest_at().seconds(), 1'780'000'000);
  EXPECT_EQ(parsed.outbox_refused_count(), 2);
}

TEST_F(SidecarTest, StatusOfTheServerShowsNoReplica) {
  AnswerBatches();
  service_.SetHealth("suppressd.v1.SuppressionService", true);
  service_.SetHealth("suppressd.v1.SuppressionService/write", true);
  service_.sidecar.on_status = [](const auto&, auto*) {
    return WireError(grpc::StatusCode::FAILED_PRECONDITION, v1::NOT_SERVED_HERE, "no sidecar");
  };
  EXPECT_EQ(Run({"status"}), 0) << err_;
  EXPECT_THAT(out_, Not(HasSubstr("REPLICA")));
  EXPECT_EQ(Run({"status", "-o", "json"}), 0);
  EXPECT_EQ(Json().fields().count("replica"), 0u);
}

// Two pages: one replica that acknowledged, one that did not.
class ReplicasTest : public SuppressctlTest {
 protected:
  ReplicasTest() {
    service_.replication.on_replicas = [this](const v1::ListReplicasRequest& request,
                                              v1::ListReplicasResponse* response) {
      pages_.push_back(request.page_token());
      v1::Replica* replica = response->add_replicas();
      replica->set_id(request.page_token().empty() ? "a" : "b");
      replica->set_state(request.page_token().empty() ? v1::Replica::ATTACHED : v1::Replica::LOADING);
      response->set_head_token("head");
      if (!request.page_token().empty())
        return fail_ ? WireError(grpc::StatusCode::INTERNAL, v1::INTERNAL_ERROR, "no") : grpc::Status::OK;
      replica->set_version("0.1.0");
      replica->set_lineage("00112233445566aa");
      replica->set_acknowledged_token("t1");
      replica->set_lag_revision_count(12);
      replica->mutable_last_seen_at()->set_seconds(1'780'000'000);
      response->set_next_page_token("2");
      return grpc::Status::OK;
    };
  }

  std::vector<std::string> pages_;
  bool fail_ = false;
};

TEST_F(ReplicasTest, AllPagesAreShown) {
  EXPECT_EQ(Run({"replicas"}), 0) << err_;
  EXPECT_THAT(pages_, testing::ElementsAre("", "2"));
  EXPECT_THAT(out_, StartsWith("ID  VERSION  STATE     LINEAGE           LAG  SEEN\n"
                               "a   0.1.0    ATTACHED  00112233445566aa  12   2026-05-28T20:26:40Z\n"));
  EXPECT_THAT(out_, testing::ContainsRegex("b +- +LOADING +- +- +-\n"));
}

TEST_F(ReplicasTest, JsonIsTheApisMessageAndLinesAreOneReplicaEach) {
  EXPECT_EQ(Run({"replicas", "-o", "json"}), 0) << err_;
  v1::ListReplicasResponse parsed;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(out_, &parsed).ok()) << out_;
  EXPECT_EQ(parsed.replicas_size(), 2);
  EXPECT_EQ(parsed.replicas(0).lag_revision_count(), 12);
  EXPECT_EQ(parsed.head_token(), "head");
  EXPECT_EQ(Run({"replicas", "-o", "jsonl"}), 0) << err_;
  std::istringstream lines(out_);
  std::string line;
  int count = 0;
  for (; std::getline(lines, line); ++count) {
    v1::Replica replica;
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(line, &replica).ok()) << line;
  }
  EXPECT_EQ(count, 2);
}

TEST_F(ReplicasTest, APageThatDoesNotComeIsAnError) {
  fail_ = true;
  EXPECT_EQ(Run({"replicas", "-o", "json"}), 2);
  EXPECT_THAT(err_, HasSubstr("INTERNAL_ERROR"));
  EXPECT_EQ(Json().fields().at("replicas").list_value().values_size(), 1);
}

TEST_F(ReplicasTest, LinesAreForCommandsThatHaveThem) {
  EXPECT_EQ(Run({"check", "a@example.com", "-o", "jsonl"}), 2);
  EXPECT_THAT(err_, HasSubstr("-o jsonl is for"));
}

}  // namespace
}  // namespace suppressd::suppressctl
