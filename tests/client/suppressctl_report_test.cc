// report of mails that came back and of webhook payloads.
#include <filesystem>
#include <fstream>

#include "suppressctl_fixture.h"
#include "tests/testing/temp_directory.h"

namespace suppressd::suppressctl {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;

std::string Mail(const std::string& recipient) {
  return "Subject: bounce\n\n" + recipient + " does not exist\n";
}

class ReportTest : public SuppressctlTest {
 protected:
  // Takes a mail for a bounce of one recipient, or for an automatic answer when it says "away"; refuses "nonsense".
  void AnswerMails() {
    service_.on_report = [this](const v1::ReportBounceRequest& request, v1::ReportBounceResponse* response) {
      requests_.push_back(request);
      const std::string& content = request.raw_message().content();
      if (content.find("nonsense") != std::string::npos) {
        return WireError(grpc::StatusCode::INVALID_ARGUMENT, v1::NOT_A_MESSAGE, "no mail");
      }
      response->set_revision_token("t" + std::to_string(requests_.size()));
      response->set_truncated(request.raw_message().truncated());
      response->set_kind(v1::BounceEvent::AUTO_REPLY);
      if (content.find("away") != std::string::npos) return grpc::Status::OK;
      response->set_kind(v1::BounceEvent::BOUNCE_TEXT);
      v1::RecipientOutcome* outcome = response->add_outcomes();
      outcome->set_address("a@example.com");
      outcome->mutable_verdict()->set_bounce_class(v1::Verdict::HARD);
      outcome->mutable_verdict()->set_reason(v1::ADDRESS_NOT_FOUND);
      outcome->set_effect(v1::BounceEvent::SUPPRESSED);
      return grpc::Status::OK;
    };
  }

  std::string File(const std::string& name, const std::string& content) {
    std::filesystem::create_directories(std::filesystem::path(directory_ / name).parent_path());
    std::ofstream(directory_ / name, std::ios::binary) << content;
    return directory_ / name;
  }

  std::vector<std::string> Contents() const {
    std::vector<std::string> contents;
    for (const auto& request : requests_) contents.push_back(request.raw_message().content());
    return contents;
  }

  TempDirectory directory_;
  std::vector<v1::ReportBounceRequest> requests_;
};

TEST_F(ReportTest, EachMailIsReportedWithWhatIsSaidOfAll) {
  AnswerMails();
  const std::vector<std::string> line = {"report",
                                         "--mail",
                                         File("one.eml", Mail("a")),
                                         File("two.eml", "Subject: away\n\n"),
                                         "--stream",
                                         "news",
                                         "--source",
                                         "mailer",
                                         "--occurred_at",
                                         "2026-03-01T12:00:00Z",
                                         "--sent_at",
                                         "2026-03-01T11:00:00Z",
                                         "--event_id",
                                         "march"};
  EXPECT_EQ(Run(line), 0) << err_;
  EXPECT_EQ(out_,
            "one.eml\tBOUNCE_TEXT\ta@example.com\tHARD\tADDRESS_NOT_FOUND\tSUPPRESSED\n"
            "two.eml\tAUTO_REPLY\t-\t-\t-\t-\n");
  EXPECT_THAT(err_, HasSubstr("reported 2, failed 0"));
  ASSERT_EQ(requests_.size(), 2u);
  EXPECT_THAT(requests_[0].event_id(), MatchesRegex("march:[0-9a-f]{32}"));
  EXPECT_NE(requests_[0].event_id(), requests_[1].event_id());
  for (const auto& request : requests_) {
    EXPECT_EQ(request.stream() + request.source(), "newsmailer");
    EXPECT_EQ(request.occurred_at().seconds() - request.mail_sent_at().seconds(), 3600);
  }
}

TEST_F(ReportTest, AMailHasTheSameEventIdWhereverItStands) {
  AnswerMails();
  const std::string second = File("box/2.eml", Mail("b"));
  EXPECT_EQ(Run({"report", "--mail", directory_ / "box", "--event_id", "e"}), 0) << err_;
  File("box/1.eml", Mail("a"));
  EXPECT_EQ(Run({"report", "--mail", directory_ / "box", "--event_id", "e"}), 0) << err_;
  const std::string mbox = "From b Mon Mar  2 09:15:08 2026\r\nSubject: bounce\r\n\r\nb does not exist\r\n\r\n";
  EXPECT_EQ(Run({"report", "--mail", "-", "--event_id", "e"}, mbox), 0) << err_;
  ASSERT_EQ(requests_.size(), 4u);
  EXPECT_NE(requests_[1].event_id(), requests_[0].event_id()) << "a mail that came later and stands before it";
  EXPECT_EQ(requests_[2].event_id(), requests_[0].event_id());
  EXPECT_EQ(requests_[3].event_id(), requests_[0].event_id()) << "in an mbox, with other line ends";
}

TEST_F(ReportTest, ALogHasTheColumnsThatAreNamed) {
  AnswerMails();
  const std::string log = "2026-03-02T09:15:07Z\tm1@example.org\tjo@example.com\t452 4.2.2 mailbox\tfull\n";
  EXPECT_EQ(Run({"report", "--file", "-", "--columns", "occurred_at,message_id,recipient,text"}, log), 0) << err_;
  ASSERT_EQ(requests_.size(), 1u);
  EXPECT_EQ(requests_[0].occurred_at().seconds(), 1'772'442'907);
  EXPECT_EQ(requests_[0].message_id(), "m1@example.org");
  EXPECT_EQ(requests_[0].smtp_reply().recipient(), "jo@example.com");
  EXPECT_EQ(requests_[0].smtp_reply().text(), "452 4.2.2 mailbox\tfull");
  EXPECT_EQ(Run({"report", "--file", "-", "--columns", "recipient,when"}, log), 2);
  EXPECT_THAT(err_, HasSubstr("there is no column when"));
  EXPECT_EQ(Run({"report", "--file", "-", "--columns", "recipient,stage"}, log), 2);
  EXPECT_THAT(err_, HasSubstr("--columns needs recipient, and code or text"));
  EXPECT_EQ(Run({"report", "--mail", "-", "--columns", "recipient,code"}, Mail("a")), 2);
  EXPECT_THAT(err_, HasSubstr("--columns goes with --file only"));
}

TEST_F(ReportTest, AnMboxIsTakenApartAlsoFromStandardInput) {
  AnswerMails();
  const std::string mbox =
      "From a Mon Mar  2 09:15:07 2026\n" + Mail("a") + "\nFrom b Mon Mar  2 09:15:08 2026\n" + Mail("b");
  EXPECT_EQ(Run({"report", "--mail", "-"}, mbox), 0) << err_;
  EXPECT_THAT(out_, AllOf(HasSubstr("-\tBOUNCE_TEXT\t"), HasSubstr("\n-#2\tBOUNCE_TEXT\t")));
  ASSERT_EQ(requests_.size(), 2u);
  EXPECT_THAT(requests_[1].raw_message().content(), HasSubstr("b does not exist"));
  EXPECT_NE(requests_[0].request_id(), requests_[1].request_id());
}

TEST_F(ReportTest, ADirectoryIsReadInOrderOfNames) {
  AnswerMails();
  File("box/b.eml", Mail("b"));
  File("box/a/1.eml", Mail("a"));
  EXPECT_EQ(Run({"report", "--mail", directory_ / "box"}), 0) << err_;
  EXPECT_THAT(Contents(), ElementsAre(Mail("a"), Mail("b")));
  EXPECT_THAT(out_, StartsWith("a/1.eml\t"));
}

TEST_F(ReportTest, ABadMailIsNamedAndTheRestGoesOn) {
  AnswerMails();
  EXPECT_EQ(Run({"report", "--mail", File("empty.eml", ""), File("odd.eml", "nonsense"), "/no/such/file",
                 File("good.eml", Mail("a")), "--event_id", "e"}),
            2);
  EXPECT_THAT(err_, AllOf(HasSubstr("suppressctl: empty.eml: INVALID_ARGUMENT: is empty\n"),
                          HasSubstr("suppressctl: odd.eml: NOT_A_MESSAGE: no mail; give the whole mail"),
                          HasSubstr("cannot read /no/such/file"), HasSubstr("reported 1, failed 3")));
  EXPECT_THAT(out_, StartsWith("good.eml\t"));
  EXPECT_THAT(requests_.back().event_id(), StartsWith("e:"));
}

TEST_F(ReportTest, MailsStopWhereTheServiceGoesAway) {
  service_.Stop();
  EXPECT_EQ(Run({"report", "--mail", File("1.eml", Mail("a")), File("2.eml", Mail("b")), "-o", "json"}), 2);
  EXPECT_THAT(err_, StartsWith("suppressctl: 1.eml, stopped here: UNAVAILABLE: "));
  EXPECT_THAT(err_, Not(HasSubstr("2.eml")));
  EXPECT_EQ(Json().fields().at("failed").number_value(), 1);
}

TEST_F(ReportTest, MailsAsJsonAreOneObject) {
  AnswerMails();
  EXPECT_EQ(Run({"report", "--mail", File("1.eml", Mail("a")), File("2.eml", "nonsense"), File("3.eml", "away"), "-o",
                 "json"}),
            2);
  const auto reports = Json().fields().at("reports").list_value();
  ASSERT_EQ(reports.values_size(), 2);
  EXPECT_EQ(reports.values(0).struct_value().fields().at("file").string_value(), "1.eml");
  EXPECT_EQ(reports.values(1).struct_value().fields().at("kind").string_value(), "AUTO_REPLY");
  EXPECT_EQ(Json().fields().at("token").string_value(), "t3");
}

TEST_F(ReportTest, OfALargeMailTheFirstMebibyteIsSent) {
  AnswerMails();
  EXPECT_EQ(Run({"report", "--mail", File("large.eml", Mail("a") + std::string(2 << 20, 'x'))}), 0) << err_;
  EXPECT_EQ(requests_.at(0).raw_message().content().size(), 1u << 20);
  EXPECT_TRUE(requests_.at(0).raw_message().truncated());
  EXPECT_THAT(err_, HasSubstr("suppressctl: large.eml: its end was not read\n"));
}

TEST_F(ReportTest, ARecipientKnownFromTheReturnPathGoesWithItsMail) {
  AnswerMails();
  EXPECT_EQ(Run({"report", "--mail", File("1.eml", Mail("a")), "--recipient", "jo@example.com", "--event_id", "e"}), 0)
      << err_;
  EXPECT_EQ(Run({"report", "--mail", "-", "--recipient", "al@example.com"}, Mail("b")), 0) << err_;
  ASSERT_EQ(requests_.size(), 2u);
  EXPECT_EQ(requests_[0].raw_message().recipient(), "jo@example.com");
  EXPECT_THAT(requests_[0].event_id(), StartsWith("e:"));
  EXPECT_EQ(requests_[1].raw_message().recipient(), "al@example.com");
  EXPECT_THAT(out_, StartsWith("-\tBOUNCE_TEXT\t"));
}

TEST_F(ReportTest, ARecipientIsNotTakenForThatOfSeveralMails) {
  AnswerMails();
  const std::string mbox =
      "From a Mon Mar  2 09:15:07 2026\n" + Mail("a") + "\nFrom b Mon Mar  2 09:15:08 2026\n" + Mail("b");
  EXPECT_EQ(Run({"report", "--mail", "-", "--recipient", "jo@example.com"}, mbox), 2);
  EXPECT_THAT(err_, HasSubstr("--recipient goes with one mail only"));
  File("box/1.eml", Mail("a"));
  File("box/2.eml", Mail("b"));
  EXPECT_EQ(Run({"report", "--mail", directory_ / "box", "--recipient", "jo@example.com"}), 2);
  EXPECT_EQ(Run({"report", "--mail", "/no/such/file", "--recipient", "jo@example.com"}), 2);
  EXPECT_EQ(requests_.size(), 0u);
}

TEST_F(ReportTest, ARecipientThatWasNotTakenFailsItsMail) {
  service_.on_report = [](const v1::ReportBounceRequest&, v1::ReportBounceResponse* response) {
    response->set_kind(v1::BounceEvent::DELIVERY_STATUS);
    response->add_outcomes()->mutable_verdict()->set_bounce_class(v1::Verdict::HARD);
    response->add_outcomes()->mutable_error()->set_reason("INVALID_ADDRESS");
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"report", "--mail", File("1.eml", Mail("a"))}), 2);
  EXPECT_THAT(out_, HasSubstr("1.eml\tDELIVERY_STATUS\t-\tERROR\tINVALID_ADDRESS\t-\n"));
  EXPECT_THAT(err_, HasSubstr("suppressctl: 1.eml: INVALID_ARGUMENT: 1 of 2 recipients not taken (INVALID_ADDRESS), "
                              "the others were\n"));
  EXPECT_THAT(err_, HasSubstr("reported 0, failed 1"));
}

TEST_F(ReportTest, AWebhookPayloadIsSentUnchanged) {
  v1::ReportBounceRequest got;
  service_.on_report = [&](const v1::ReportBounceRequest& request, v1::ReportBounceResponse* response) {
    got = request;
    response->set_kind(v1::BounceEvent::PROVIDER_WEBHOOK);
    v1::RecipientOutcome* outcome = response->add_outcomes();
    outcome->set_address("a@example.com");
    outcome->set_event_id("ses:4711");
    outcome->set_duplicate(true);
    outcome->mutable_verdict()->set_bounce_class(v1::Verdict::HARD);
    return grpc::Status::OK;
  };
  EXPECT_EQ(
      Run({"report", "--webhook", "ses", "--file", "-", "--signature_verified", "--stream", "news"}, "{\"a\": 1}\n"), 0)
      << err_;
  EXPECT_EQ(got.provider_event().payload(), "{\"a\": 1}\n");
  EXPECT_EQ(got.provider_event().provider(), "ses");
  EXPECT_TRUE(got.provider_event().signature_verified());
  EXPECT_EQ(got.stream(), "news");
  EXPECT_THAT(out_, ContainsRegex("DUPLICATE +EVENT\na@example.com +HARD .* yes +ses:4711\n"));
  EXPECT_EQ(Run({"report", "--webhook", "ses", "--file", File("event.json", "{}"), "-o", "json"}), 0) << err_;
  EXPECT_EQ(got.provider_event().payload(), "{}");
  EXPECT_FALSE(got.provider_event().signature_verified());
  EXPECT_EQ(Json().fields().at("kind").string_value(), "PROVIDER_WEBHOOK");
}

TEST_F(ReportTest, AnEventThatWasNotTakenIsAnErrorRowAndExitsTwo) {
  service_.on_report = [](const v1::ReportBounceRequest&, v1::ReportBounceResponse* response) {
    response->set_kind(v1::BounceEvent::PROVIDER_WEBHOOK);
    response->add_outcomes()->mutable_verdict()->set_bounce_class(v1::Verdict::HARD);
    response->add_outcomes()->set_event_id("sendgrid:2");
    response->mutable_outcomes(1)->mutable_error()->set_reason("INVALID_ADDRESS");
    return grpc::Status::OK;
  };
  EXPECT_EQ(Run({"report", "--webhook", "sendgrid", "--file", "-"}, "[]"), 2);
  EXPECT_THAT(out_, ContainsRegex("-  +ERROR +INVALID_ADDRESS +- +- +- +sendgrid:2\n"));
  EXPECT_EQ(err_, "suppressctl: INVALID_ARGUMENT: 1 of 2 events not taken (INVALID_ADDRESS), the others were\n");
}

TEST_F(ReportTest, APayloadThatCannotBeReadIsNotSent) {
  EXPECT_EQ(Run({"report", "--webhook", "ses", "--file", "/no/such/file"}), 2);
  EXPECT_EQ(err_, "suppressctl: NOT_FOUND: cannot read /no/such/file\n");
  EXPECT_EQ(Run({"report", "--webhook", "ses", "--file", "-"}, std::string((1 << 20) + 1, ' ')), 2);
  EXPECT_EQ(err_, "suppressctl: INVALID_ARGUMENT: standard input is larger than 1 MiB\n");
}

TEST_F(ReportTest, OptionsThatDoNotGoTogetherAreRefused) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> lines = {
      {{"--mail", "m", "n", "--recipient", "a"}, "--recipient goes with one mail only"},
      {{"--file", "m", "--recipient", "a"}, "exactly one of --recipient, --file and --mail"},
      {{"--mail", "m", "--file", "f"}, "exactly one of --recipient, --file and --mail"},
      {{"--mail", "m", "--code", "550"}, "--code does not go with --mail"},
      {{"--mail", "m", "--message_id", "<1@a>"}, "--message_id does not go with --mail"},
      {{"--mail", "m", "--request_id", "r"}, "with --mail use --event_id"},
      {{"--mail", "m", "--signature_verified"}, "--signature_verified goes with --webhook only"},
      {{"--mail", "m", "--sent_at", "yesterday"}, "INVALID_ARGUMENT: --sent_at: a time looks like"},
      {{"--webhook", "ses"}, "--webhook needs --file"},
      {{"--webhook", "ses", "--mail", "m"}, "--webhook needs --file"},
      {{"--webhook", "ses", "--file", "f", "--recipient", "a"}, "neither --recipient nor --mail"},
      {{"--webhook", "ses", "--file", "f", "--complaint", "abuse"}, "--complaint does not go with --webhook"}};
  const std::string mail = File("m", Mail("a"));
  for (auto [line, error] : lines) {
    std::replace(line.begin(), line.end(), std::string("m"), mail);
    line.insert(line.begin(), "report");
    EXPECT_EQ(Run(line), 2) << ::testing::PrintToString(line);
    EXPECT_THAT(err_, HasSubstr(error)) << ::testing::PrintToString(line);
  }
}

}  // namespace
}  // namespace suppressd::suppressctl
