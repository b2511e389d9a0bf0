#include "tests/imports/list_samples.h"

#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace suppressd {
namespace {

const std::vector<ListSample>& Senders() {
  static const auto& samples = *new std::vector<ListSample>{
      {"ses-list.json", "ses-list", R"({"SuppressedDestinationSummaries": [
  {"EmailAddress": "Mira.Quill@example.org", "Reason": "BOUNCE", "LastUpdateTime": "2026-03-04T10:11:12.340000+00:00"},
  {"EmailAddress": "tove@example.net", "Reason": "COMPLAINT", "LastUpdateTime": 1772619072.34}
], "NextToken": null})"},
      {"ses-get.json", "ses-list", R"({"SuppressedDestination": {"EmailAddress": "mira.quill@example.org",
  "Reason": "BOUNCE", "LastUpdateTime": 1772619072.34, "Attributes": {"MessageId": "0102", "FeedbackId": "0103"}}})"},
      {"ses-import.csv", "ses-import", "mira.quill@example.org, COMPLAINT\r\ntove@example.net,BOUNCE\r\n"},
      {"ses-import.jsonl", "ses-import",
       "{\"emailAddress\":\"mira.quill@example.org\",\"reason\":\"COMPLAINT\"}\n"
       "{\"emailAddress\":\"tove@example.net\",\"reason\":\"BOUNCE\"}\n"},
      {"sendgrid-bounces.csv", "sendgrid-bounces",
       "status,reason,email,created\n"
       "5.1.1,\"550 5.1.1 no mailbox here by that name\",kit.alder@example.net,1790001112\n"},
      {"sendgrid-blocks.json", "sendgrid-blocks",
       R"([{"created":1790001112,"email":"kit.alder@example.net","reason":"554 5.7.1 refused","status":"5.7.1"}])"},
      {"sendgrid-invalid.csv", "sendgrid-invalid",
       "reason,email,created\n"
       "Mail domain mentioned in email address is unknown,lu@exmaple.tld,1790001112\n"
       "Invalid address,lu..x@example.org,1790001113\n"},
      {"sendgrid-spam.csv", "sendgrid-spam", "ip,email,created\n192.0.2.44,noor@example.com,1790002000\n"},
      {"sendgrid-unsubscribes.json", "sendgrid-unsubscribes", R"([{"created":1790002300,"email":"tam@example.com"}])"},
      {"sendgrid-groups.json", "sendgrid-groups",
       R"([{"email":"tam@example.com","group_id":7,"group_name":"Weekly","created_at":1790002300}])"},
      {"mailgun-bounces.json", "mailgun-bounces", R"({"items":[{"address":"bo@example.org","code":"550",
  "error":"5.1.1 unknown user","created_at":"Wed, 04 Mar 2026 10:11:12 UTC","MessageHash":"aa"}],
  "paging":{"first":"https://api.example/1","next":"https://api.example/2"}})"},
      {"mailgun-bounces.csv", "mailgun-bounces",
       "address,code,error,created_at\nbo@example.org,550,\"5.1.1 unknown user\",\"Wed, 04 Mar 2026 10:11:12 UTC\"\n"},
      {"mailgun-complaints.csv", "mailgun-complaints",
       "address,created_at\nida@example.org,\"Wed, 04 Mar 2026 10:11:12 GMT\"\n"},
      {"mailgun-unsubscribes.json", "mailgun-unsubscribes", R"({"items":[
  {"address":"oz@example.org","tags":["news","Offers"],"created_at":"Wed, 04 Mar 2026 10:11:12 UTC"},
  {"address":"una@example.org","tags":["*"],"created_at":"Wed, 04 Mar 2026 10:11:12 UTC"}]})"},
  };
  return samples;
}

const std::vector<ListSample>& MoreSenders() {
  static const auto& samples = *new std::vector<ListSample>{
      {"postmark-suppressions.json", "postmark-suppressions", R"({"Suppressions":[
  {"EmailAddress":"fen@example.org","SuppressionReason":"ManualSuppression","Origin":"Recipient","CreatedAt":"2026-03-04T05:11:12-05:00"},
  {"EmailAddress":"gro@example.org","SuppressionReason":"ManualSuppression","Origin":"Admin","CreatedAt":"2026-03-04T05:11:12-05:00"},
  {"EmailAddress":"hal@example.org","SuppressionReason":"HardBounce","Origin":"Recipient","CreatedAt":"2026-03-04T05:11:12-05:00"},
  {"EmailAddress":"ivo@example.org","SuppressionReason":"SpamComplaint","Origin":"Recipient","CreatedAt":"2026-03-04T05:11:12-05:00"}]})"},
      {"postmark-bounces.json", "postmark-bounces", R"({"TotalCount":3,"Bounces":[
  {"ID":41,"Type":"HardBounce","TypeCode":1,"Email":"fen@example.org","MessageStream":"outbound",
   "Details":"smtp;550 5.1.1 unknown","Inactive":true,"CanActivate":true,"BouncedAt":"2026-03-04T05:11:12-05:00"},
  {"ID":42,"Type":"SoftBounce","TypeCode":4096,"Email":"gro@example.org","Details":"","Inactive":false,
   "CanActivate":true,"BouncedAt":"2026-03-04T05:11:12-05:00"},
  {"ID":43,"Type":"AutoResponder","TypeCode":64,"Email":"hal@example.org","Details":"","Inactive":false,
   "CanActivate":false,"BouncedAt":"2026-03-04T05:11:12-05:00"}]})"},
      {"sparkpost.json", "sparkpost", R"({"results":[{"recipient":"gil@example.com","type":"non_transactional",
  "source":"Spam Complaint","created":"2026-03-04T10:11:12+00:00","updated":"2026-03-05T10:11:12+00:00"}],"links":[]})"},
      {"sparkpost.csv", "sparkpost",
       "recipient,type,source,description,subaccount_id\n"
       "gil@example.com,transactional,Bounce Rule,550 5.1.1 unknown,0\n"
       "hedda@example.com,non_transactional,Manually Added,asked by phone,7\n"
       "ines@example.com,non_transactional,List Unsubscribe,,0\n"},
      {"mandrill.csv", "mandrill",
       "email,reason,detail,created_at,expires_at,last_event_at,expires_at,subaccount\n"
       "una@example.org,soft-bounce,\"smtp; 452 4.2.2 full\",\"2026-03-04 10:11:12.5\",\"2026-03-05 10:11:12\","
       "\"2026-03-04 11:11:12.5\",\"2026-03-05 10:11:12\",shop\n"
       "vik@example.org,hard-bounce,\"550 5.1.1 unknown\n(two lines)\",2026-03-04 10:11:12,,2026-03-04 10:11:12,,\n"
       "wim@example.org,custom,on request,2026-03-04 10:11:12,,2026-03-04 10:11:12,,\n"},
      {"mandrill.json", "mandrill", R"([{"email":"una@example.org","reason":"spam","detail":"",
  "created_at":"2026-03-04 10:11:12","last_event_at":"2026-03-04 10:11:12","expires_at":null,"expired":false,"sender":null},
 {"email":"vik@example.org","reason":"unsub","detail":"","created_at":"2026-03-04 10:11:12",
  "last_event_at":"2026-03-04 10:11:12","expires_at":"2026-03-05 10:11:12","expired":true,"sender":null}])"},
      {"telnyx.csv", "telnyx",
       "id,to,from,reason,source,scope,status,domain_id,created_at,updated_at,expires_at,group_id\n"
       "1,yara@example.org,news@example.com,hard_bounce,system,account,active,d1,2026-03-04T10:11:12Z,2026-03-04T10:11:"
       "12Z,,\n"
       "2,zed@example.org,news@example.com,unsubscribe,link,group,active,d1,2026-03-04T10:11:12Z,2026-03-04T10:11:12Z,,"
       "G9\n"
       "3,abe@example.org,news@example.com,complaint,fbl,account,tombstone,d1,2026-03-04T10:11:12Z,2026-03-06T10:11:"
       "12Z,,\n"},
  };
  return samples;
}

const std::vector<ListSample>& Campaigns() {
  static const auto& samples = *new std::vector<ListSample>{
      {"brevo-contacts.json", "brevo-contacts", R"({"contacts":[
  {"email":"pax@example.net","senderEmail":"news@example.com","reason":{"code":"hardBounce","message":"Hard bounce"},"blockedAt":"2026-03-04T10:11:12.000Z"},
  {"email":"qi@example.net","senderEmail":"news@example.com","reason":{"code":"unsubscribedViaEmail","message":"Unsubscribed via email"},"blockedAt":"2026-03-04T10:11:12.000Z"},
  {"email":"ro@example.net","senderEmail":"","reason":{"code":"contactFlaggedAsSpam","message":"Flagged"},"blockedAt":"2026-03-04T10:11:12.000Z"},
  {"email":"si@example.net","senderEmail":"","reason":{"code":"adminBlocked","message":"Admin blocked"},"blockedAt":"2026-03-04T10:11:12.000Z"}],"count":4})"},
      {"brevo-domains.json", "brevo-domains", R"({"domains":["example.net","example.org"]})"},
      {"mailchimp-cleaned.csv", "mailchimp-cleaned",
       "Name,Email "
       "Address,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CLEAN_TIME,CLEAN_CAMPAIGN_TITLE,CLEAN_CAMPAIGN_ID,LEID,EUID,NOTES,"
       "TAGS\n"
       "\"Vi O\",\"vi@example.com\",2,\"2025-01-02 03:04:05\",192.0.2.9,\"2026-03-04 10:11:12\",\"March "
       "letter\",c1,11,e1,,\"a,b\"\n"},
      {"mailchimp-unsubscribed.csv", "mailchimp-unsubscribed",
       "Email Address,First "
       "Name,MEMBER_RATING,OPTIN_TIME,UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_CAMPAIGN_ID,UNSUB_REASON,UNSUB_REASON_"
       "OTHER,LEID,EUID\n"
       "vi@example.com,Vi,2,\"2025-01-02 03:04:05\",\"2026-03-04 10:11:12\",March letter,c1,No longer "
       "interested,,11,e1\n"},
      {"listmonk-subscribers.csv", "listmonk-subscribers",
       "uuid,email,name,attributes,status,created_at,updated_at\n"
       "6f1,\"wu@example.org\",Wu,\"{}\",blocklisted,2026-03-04 10:11:12.3 +0000 UTC,2026-03-05 10:11:12.3 +0000 UTC\n"
       "6f2,\"xu@example.org\",Xu,\"{}\",enabled,2026-03-04 10:11:12.3 +0000 UTC,2026-03-05 10:11:12.3 +0000 UTC\n"},
      {"listmonk-bounces.json", "listmonk-bounces", R"({"data":{"results":[
  {"id":1,"type":"hard","source":"ses","meta":{"bounce":{"recipients":[{"diagnosticCode":"smtp; 550 5.1.1 unknown"}]}},
   "created_at":"2026-03-04T10:11:12Z","email":"wu@example.org","subscriber_uuid":"6f1","subscriber_id":3,"campaign":{"id":1,"name":"March"}},
  {"id":2,"type":"soft","source":"ses","meta":{},"created_at":"2026-03-04T10:11:12Z","email":"xu@example.org","subscriber_uuid":"6f2"},
  {"id":3,"type":"complaint","source":"ses","meta":{},"created_at":"2026-03-04T10:11:12Z","email":"yu@example.org","subscriber_uuid":"6f3"}],
  "query":"","total":3,"per_page":50,"page":1}})"},
  };
  return samples;
}

const std::vector<ListSample>& PlainOnes() {
  static const auto& samples = *new std::vector<ListSample>{
      {"postal.tsv", "postal",
       "id\ttype\taddress\treason\ttimestamp\tkeep_until\n"
       "12\trecipient\txi@example.org\ttoo many soft fails\t1790001112.250000\t1792593112.250000\n"
       "13\trecipient\tyo@example.org\t\"hard\" fail\t1790001112.250000\tNULL\n"
       "14\troute\tzo@example.org\thard fail\t1790001112.250000\t1792593112.250000\n"},
      {"cloudflare.csv", "cloudflare", "zed@example.org,2026-12-01T00:00:00Z,account\nyan@example.org,,\n"},
      {"coss.csv", "coss",
       "address,scope,reason,created_at,email_id,id\n"
       "zed@example.org,global,bounced,2026-03-04T10:11:12Z,e1,1\n"
       "'=yan@example.org,global,complaint,2026-03-04T10:11:12Z,e2,2\n"},
      {"usesend.csv", "usesend",
       "Email,Reason,Created At\n"
       "zed@example.org,MANUAL,Wed Mar 04 2026 10:11:12 GMT+0000 (Coordinated Universal Time)\n"
       "yan@example.org,HARD_BOUNCE,Wed Mar 04 2026 10:11:12 GMT+0000 (Coordinated Universal Time)\n"},
      {"plain.txt", "plain", "# who asked by phone\nzed@example.org\n\nyan@example.org\n@example.net\n"},
      {"plain.csv", "plain", "Email Address,Reason,Note\nzed@example.org,unsubscribed,spring\nyan@example.org,,\n"},
      {"plain.json", "plain", R"(["zed@example.org","yan@example.org"])"},
      {"suppressd.jsonl", "suppressd",
       "{\"suppressd_export\":1,\"tenant\":\"default\",\"history\":false}\n"
       "{\"suppression\":{\"address\":\"zed@example.org\",\"causes\":[{\"type\":\"MANUAL\",\"state\":\"ACTIVE\","
       "\"event_count\":\"1\",\"first_event_at\":\"2026-03-04T10:11:12Z\"}]},\"consent_at\":\"2026-03-01T10:11:12Z\"}\n"
       "{\"proof\":{\"entry_count\":1,\"revision_token\":\"t\","
       "\"sha256\":\"7fa187b250c98eb8f3ce65986c502280794b3e7e1ea43c8284e9f01684a82cb7\","
       "\"exported_at\":\"2026-03-05T10:11:12Z\"}}\n"},
  };
  return samples;
}

}  // namespace

const std::vector<ListSample>& ListSamples() {
  static const auto& samples = *[] {
    auto* all = new std::vector<ListSample>;
    for (const auto* some : {&Senders(), &MoreSenders(), &Campaigns(), &PlainOnes()}) {
      all->insert(all->end(), some->begin(), some->end());
    }
    return all;
  }();
  return samples;
}

const std::string& SampleText(const std::string& name) {
  for (const ListSample& sample : ListSamples()) {
    if (sample.name == name) return sample.text;
  }
  ADD_FAILURE() << "no sample " << name;
  static const auto& none = *new std::string;
  return none;
}

absl::StatusOr<ReadFile> Read(const std::string& text, const ListFileOptions& options) {
  std::istringstream stream(text);
  const auto file = ListFile::Open(&stream, options);
  if (!file.ok()) return file.status();
  ReadFile read;
  read.format = std::string((*file)->format().name);
  ListFile::Item item = (*file)->Next();
  for (; item.kind != ListFile::Item::kEnd; item = (*file)->Next()) read.items.push_back(item);
  read.end_why = item.why;
  EXPECT_EQ((*file)->Next().kind, ListFile::Item::kEnd) << "what has ended does not go on";
  read.remarks = (*file)->Remarks();
  return read;
}

ReadFile MustRead(const std::string& text, const ListFileOptions& options) {
  absl::StatusOr<ReadFile> read = Read(text, options);
  EXPECT_TRUE(read.ok()) << read.status();
  return read.ok() ? *std::move(read) : ReadFile{};
}

std::string TimeOf(const google::protobuf::Timestamp& time) {
  if (time.seconds() == 0 && time.nanos() == 0) return "";
  return absl::FormatTime("%Y-%m-%d%ET%H:%M:%E*SZ",
                          absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos()), absl::UTCTimeZone());
}

std::string Said(const ListFile::Item& item) {
  if (item.kind == ListFile::Item::kBad) return "BAD";
  if (item.kind == ListFile::Item::kSkip) return "SKIP";
  std::string said = v1::Cause::Type_Name(item.row.type());
  if (item.row.reason() != v1::BOUNCE_REASON_UNSPECIFIED) {
    absl::StrAppend(&said, " ", v1::BounceReason_Name(item.row.reason()));
  }
  if (item.row.record_only()) said += " (record only)";
  return said;
}

std::vector<std::string> Said(const ReadFile& file) {
  std::vector<std::string> said;
  for (const ListFile::Item& item : file.items) said.push_back(Said(item));
  return said;
}

}  // namespace suppressd
