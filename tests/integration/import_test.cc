// Rows of other lists, through the whole service: what they are taken for, and that taking them again changes nothing.
#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "tests/testing/admin_calls.h"

namespace suppressd {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;
using Outcome = v1::ImportOutcome;

constexpr char kNoSuchUser[] = "550 5.1.1 no such user";
constexpr char kOurFault[] = "550 5.7.26 unauthenticated email is not accepted due to dmarc";

class ImportTest : public ::testing::Test {
 protected:
  v1::ImportRow Row(const std::string& address, v1::Cause::Type type, double days_ago = 10) {
    v1::ImportRow row;
    row.set_address(address);
    row.set_type(type);
    if (days_ago >= 0) *row.mutable_happened_at() = DaysAgo(server_, days_ago);
    return row;
  }
  v1::ImportRow Bounce(const std::string& address, const std::string& diagnostic, double days_ago = 10) {
    v1::ImportRow row = Row(address, v1::Cause::HARD_BOUNCE, days_ago);
    row.set_diagnostic(diagnostic);
    return row;
  }
  static v1::ImportRequest Request(const std::vector<v1::ImportRow>& rows) {
    v1::ImportRequest request;
    request.set_provider("tool");
    for (const v1::ImportRow& row : rows) *request.add_rows() = row;
    return request;
  }
  std::vector<Outcome::Result> Take(const v1::ImportRequest& request) {
    const grpc::Status status = Import(server_, request, &response_);
    EXPECT_TRUE(status.ok()) << status.error_message();
    std::vector<Outcome::Result> results;
    for (const Outcome& outcome : response_.outcomes()) results.push_back(outcome.result());
    return results;
  }
  std::vector<Outcome::Result> Take(const std::vector<v1::ImportRow>& rows) { return Take(Request(rows)); }
  bool Suppressed(const std::string& address, const std::string& stream = "") {
    grpc::ClientContext context;
    v1::IsSuppressedRequest request;
    v1::IsSuppressedResponse response;
    request.set_address(address);
    request.set_stream(stream);
    EXPECT_TRUE(server_.stub().IsSuppressed(&context, request, &response).ok());
    return response.suppressed();
  }
  v1::GetBounceDetailsResponse Details(const std::string& address) {
    grpc::ClientContext context;
    v1::GetBounceDetailsRequest request;
    v1::GetBounceDetailsResponse response;
    request.set_address(address);
    request.set_max_events(50);
    server_.stub().GetBounceDetails(&context, request, &response).error_code();
    return response;
  }
  void Reactivate(const std::string& address) {
    grpc::ClientContext context;
    v1::ReactivateRequest request;
    v1::ReactivateResponse response;
    request.set_address(address);
    request.set_note("works again");
    const grpc::Status status = server_.stub().Reactivate(&context, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }

  TestServer server_;
  v1::ImportResponse response_;
};

TEST_F(ImportTest, ARowSuppressesAndTheSameRowAgainChangesNothing) {
  const std::vector<v1::ImportRow> rows = {
      Row("Jo@Example.com", v1::Cause::HARD_BOUNCE), Row("al@example.com", v1::Cause::COMPLAINT),
      Row("ann@example.com", v1::Cause::UNSUBSCRIBE), Row("may@example.com", v1::Cause::MANUAL)};
  EXPECT_THAT(Take(rows), ElementsAre(Outcome::CREATED, Outcome::CREATED, Outcome::CREATED, Outcome::CREATED));
  for (const char* address : {"jo@example.com", "al@example.com", "ann@example.com", "may@example.com"}) {
    EXPECT_TRUE(Suppressed(address)) << address;
  }
  const v1::GetBounceDetailsResponse before = Details("jo@example.com");
  ASSERT_THAT(before.suppression().causes(), SizeIs(1));
  EXPECT_EQ(before.suppression().causes(0).reason(), v1::UNDETERMINED) << "nobody said why";
  EXPECT_EQ(before.suppression().causes(0).source(), "tool");
  EXPECT_EQ(before.suppression().causes(0).first_event_at().seconds(), rows[0].happened_at().seconds());
  EXPECT_EQ(before.suppression().listed_at().seconds(), rows[0].happened_at().seconds());
  EXPECT_EQ(before.suppression().original_address(), "Jo@Example.com");
  EXPECT_THAT(before.events(), SizeIs(1));
  for (const absl::Duration later : {absl::ZeroDuration(), absl::Hours(24 * 30)}) {
    server_.clock().Advance(later);
    EXPECT_THAT(Take(rows),
                ElementsAre(Outcome::UNCHANGED, Outcome::UNCHANGED, Outcome::UNCHANGED, Outcome::UNCHANGED));
    EXPECT_EQ(Details("jo@example.com").suppression().SerializeAsString(), before.suppression().SerializeAsString());
    EXPECT_THAT(Details("jo@example.com").events(), SizeIs(1));
  }
}

TEST_F(ImportTest, OurOwnRulesReadADiagnosticAndTheProvidersWordIsTrustedOnDemand) {
  const std::vector<v1::ImportRow> rows = {Bounce("gone@example.com", kNoSuchUser), Bounce("us@example.com", kOurFault),
                                           Bounce("odd@example.com", "550 qwertz")};
  EXPECT_THAT(Take(rows), ElementsAre(Outcome::CREATED, Outcome::RECORDED, Outcome::CREATED));
  EXPECT_EQ(response_.outcomes(0).reason(), v1::ADDRESS_NOT_FOUND);
  EXPECT_EQ(response_.outcomes(2).reason(), v1::UNDETERMINED) << "the list says that it is hard, nobody why";
  EXPECT_FALSE(Suppressed("us@example.com"));
  EXPECT_EQ(Details("us@example.com").events(0).verdict().bounce_class(), v1::Verdict::SENDER_SIDE);
  EXPECT_EQ(Details("gone@example.com").events(0).diagnostic(), kNoSuchUser);
  v1::ImportRequest trusted = Request({Bounce("us@example.net", kOurFault)});
  trusted.set_trust_provider(true);
  EXPECT_THAT(Take(trusted), ElementsAre(Outcome::CREATED));
  EXPECT_TRUE(Suppressed("us@example.net"));
}

TEST_F(ImportTest, AFullMailboxExpiresFromTheDayOnWhichItWasFull) {
  EXPECT_THAT(Take({Bounce("new@example.com", "552 5.2.2 mailbox full", 10),
                    Bounce("old@example.com", "552 5.2.2 mailbox full", 40)}),
              ElementsAre(Outcome::CREATED, Outcome::RECORDED));
  EXPECT_TRUE(Suppressed("new@example.com"));
  server_.clock().Advance(absl::Hours(24 * 21));
  EXPECT_FALSE(Suppressed("new@example.com"));
}

TEST_F(ImportTest, AReactivationHoldsAgainstOlderRowsAndThoseWithoutATime) {
  ASSERT_THAT(Take({Bounce("jo@example.com", kNoSuchUser, 10)}), ElementsAre(Outcome::CREATED));
  Reactivate("jo@example.com");
  EXPECT_THAT(Take({Bounce("jo@example.com", kNoSuchUser, 10)}), ElementsAre(Outcome::UNCHANGED));
  EXPECT_THAT(Take({Bounce("jo@example.com", kNoSuchUser, 9)}), ElementsAre(Outcome::OUTDATED));
  EXPECT_THAT(Take({Row("jo@example.com", v1::Cause::HARD_BOUNCE, -1)}), ElementsAre(Outcome::OUTDATED));
  EXPECT_FALSE(Suppressed("jo@example.com"));
  server_.clock().Advance(absl::Hours(48));
  EXPECT_THAT(Take({Bounce("jo@example.com", kNoSuchUser, 1)}), ElementsAre(Outcome::CREATED));
  EXPECT_TRUE(Suppressed("jo@example.com"));
}

TEST_F(ImportTest, RowsAreNeverPointsOfASoftBounceAndALeaseIsTakenAsItIs) {
  std::vector<v1::ImportRow> rows;
  for (int day = 1; day <= 10; ++day) rows.push_back(Row("jo@example.com", v1::Cause::SOFT_BOUNCE, day));
  EXPECT_THAT(Take(rows), ::testing::Each(Outcome::RECORDED));
  EXPECT_FALSE(Suppressed("jo@example.com"));
  EXPECT_THAT(Details("jo@example.com").events(), SizeIs(10)) << "each of one call";
  v1::ImportRow lease = Row("al@example.com", v1::Cause::SOFT_BOUNCE, 1);
  *lease.mutable_expires_at() = DaysAgo(server_, -3);
  EXPECT_THAT(Take({lease}), ElementsAre(Outcome::CREATED));
  EXPECT_TRUE(Suppressed("al@example.com"));
  server_.clock().Advance(absl::Hours(24 * 4));
  EXPECT_FALSE(Suppressed("al@example.com"));
  EXPECT_THAT(Take({lease}), ElementsAre(Outcome::UNCHANGED)) << "its lease is over";
  EXPECT_FALSE(Suppressed("al@example.com"));
}

TEST_F(ImportTest, StreamsDomainsLiftedRowsAndThoseKeptForTheRecordMeanWhatTheySay) {
  v1::ImportRow stream = Row("ann@example.com", v1::Cause::UNSUBSCRIBE);
  stream.set_stream("news");
  v1::ImportRow domain;
  domain.set_domain("Example.NET");
  domain.set_type(v1::Cause::HARD_BOUNCE);
  domain.set_reason(v1::DOMAIN_NOT_FOUND);
  v1::ImportRow lifted = Row("back@example.com", v1::Cause::HARD_BOUNCE, 10);
  *lifted.mutable_lifted_at() = DaysAgo(server_, 5);
  v1::ImportRow recorded = Bounce("kept@example.com", kNoSuchUser);
  recorded.set_record_only(true);
  v1::ImportRow expired = Row("past@example.com", v1::Cause::MANUAL);
  *expired.mutable_expires_at() = DaysAgo(server_, 1);
  EXPECT_THAT(Take({stream, domain, lifted, recorded, expired}),
              ElementsAre(Outcome::CREATED, Outcome::CREATED, Outcome::RECORDED, Outcome::RECORDED, Outcome::RECORDED));
  EXPECT_FALSE(Suppressed("ann@example.com"));
  EXPECT_TRUE(Suppressed("ann@example.com", "news"));
  EXPECT_TRUE(Suppressed("anybody@example.net"));
  EXPECT_FALSE(Suppressed("back@example.com"));
  EXPECT_EQ(Details("back@example.com").suppression().causes(0).state(), v1::Cause::REACTIVATED);
  EXPECT_FALSE(Suppressed("kept@example.com"));
  EXPECT_FALSE(Suppressed("past@example.com"));
  EXPECT_EQ(Take({Bounce("back@example.com", kNoSuchUser, 7)})[0], Outcome::OUTDATED) << "it was lifted since";
}

TEST_F(ImportTest, ALaterRowWidensAndAnEarlierOneDoesToo) {
  ASSERT_THAT(Take({Bounce("jo@example.com", kNoSuchUser, 10)}), ElementsAre(Outcome::CREATED));
  EXPECT_THAT(Take({Bounce("jo@example.com", kNoSuchUser, 2), Bounce("jo@example.com", kNoSuchUser, 20)}),
              ElementsAre(Outcome::MERGED, Outcome::MERGED));
  const v1::Cause cause = Details("jo@example.com").suppression().causes(0);
  EXPECT_EQ(cause.first_event_at().seconds(), DaysAgo(server_, 20).seconds());
  EXPECT_EQ(cause.last_event_at().seconds(), DaysAgo(server_, 2).seconds());
  EXPECT_EQ(cause.event_count(), 3);
}

TEST_F(ImportTest, ABadRowFailsAloneAndNamesItsField) {
  std::vector<v1::ImportRow> rows(8, Row("jo@example.com", v1::Cause::MANUAL));
  rows[0].set_address("no address");
  rows[1].clear_target();
  rows[2].clear_type();
  rows[3].set_stream("No Stream");
  rows[4].mutable_happened_at()->set_seconds(absl::ToUnixSeconds(server_.clock().Now()) + 200'000);
  rows[5].set_code(99);
  rows[6].set_note(std::string(2'001, 'x'));
  EXPECT_THAT(Take(rows), ElementsAre(Outcome::REJECTED, Outcome::REJECTED, Outcome::REJECTED, Outcome::REJECTED,
                                      Outcome::REJECTED, Outcome::REJECTED, Outcome::REJECTED, Outcome::CREATED));
  const std::vector<std::pair<std::string, std::string>> wanted = {
      {"INVALID_ADDRESS", "rows.address"}, {"MISSING_FIELD", "rows.address"},     {"MISSING_FIELD", "rows.type"},
      {"INVALID_STREAM", "rows.stream"},   {"INVALID_FIELD", "rows.happened_at"}, {"INVALID_FIELD", "rows.code"},
      {"FIELD_TOO_LONG", "rows.note"}};
  for (size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_EQ(response_.outcomes(static_cast<int>(i)).error().reason(), wanted[i].first) << i;
    EXPECT_EQ(response_.outcomes(static_cast<int>(i)).error().field(), wanted[i].second) << i;
  }
  EXPECT_TRUE(Suppressed("jo@example.com"));
}

TEST_F(ImportTest, AWrongRequestIsRefusedAsAWhole) {
  const v1::ImportRow row = Row("jo@example.com", v1::Cause::MANUAL);
  std::vector<v1::ImportRequest> requests(4, Request({row}));
  requests[0].clear_provider();
  requests[1].set_provider("Not A Name");
  requests[2].set_tenant("NO TENANT");
  requests[3] = Request(std::vector<v1::ImportRow>(1'001, row));
  const std::vector<std::string> reasons = {"MISSING_FIELD", "INVALID_FIELD", "INVALID_TENANT", "BATCH_TOO_LARGE"};
  for (size_t i = 0; i < requests.size(); ++i) {
    EXPECT_EQ(GrpcReason(Import(server_, requests[i], &response_)), reasons[i]);
  }
  EXPECT_FALSE(Suppressed("jo@example.com"));
  EXPECT_TRUE(Import(server_, Request({}), &response_).ok()) << "no rows, nothing to do";
}

TEST_F(ImportTest, ADryRunTellsTheSameAndChangesNothing) {
  ASSERT_THAT(Take({Bounce("known@example.com", kNoSuchUser)}), ElementsAre(Outcome::CREATED));
  v1::ImportRequest request = Request({Bounce("known@example.com", kNoSuchUser), Bounce("jo@example.com", kNoSuchUser),
                                       Bounce("us@example.com", kOurFault), Row("bad", v1::Cause::MANUAL),
                                       Row("jo@example.com", v1::Cause::MANUAL)});
  request.set_dry_run(true);
  const uint64_t revision = server_.store().reader().head().head();
  const std::vector<Outcome::Result> told = Take(request);
  EXPECT_EQ(server_.store().reader().head().head(), revision);
  EXPECT_FALSE(Suppressed("jo@example.com"));
  request.set_dry_run(false);
  EXPECT_EQ(Take(request), told);
  EXPECT_TRUE(Suppressed("jo@example.com"));
}

TEST_F(ImportTest, AnEntryWithoutRoomRejectsTheRowAndKeepsTheRest) {
  std::vector<v1::ImportRow> rows;
  for (int i = 0; i < 48; ++i) {
    rows.push_back(Row("jo@example.com", v1::Cause::UNSUBSCRIBE));
    rows.back().set_stream(absl::StrCat("s", i));
  }
  const std::vector<Outcome::Result> results = Take(rows);
  EXPECT_EQ(std::count(results.begin(), results.end(), Outcome::CREATED), 47);
  EXPECT_EQ(results.back(), Outcome::REJECTED);
  EXPECT_EQ(response_.outcomes(47).error().reason(), "TOO_MANY_CAUSES");
}

TEST_F(ImportTest, WhatIsKnownSurvivesARestart) {
  const std::vector<v1::ImportRow> rows = {Bounce("jo@example.com", kNoSuchUser, 3),
                                           Bounce("jo@example.com", kNoSuchUser, 2)};
  ASSERT_THAT(Take(rows), ElementsAre(Outcome::CREATED, Outcome::MERGED));
  server_.Restart();
  EXPECT_THAT(Take(rows), ElementsAre(Outcome::UNCHANGED, Outcome::UNCHANGED));
  EXPECT_THAT(Details("jo@example.com").events(), SizeIs(2));
}

}  // namespace
}  // namespace suppressd
