#include "client/suppressctl/export_writer.h"

#include <google/protobuf/util/json_util.h>

#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "client/suppressctl/json.h"
#include "client/suppressctl/text.h"

namespace suppressd::suppressctl {
namespace {

constexpr int kFormatVersion = 1;

std::string TimeCell(bool set, const google::protobuf::Timestamp& time) {
  if (!set) return "";
  return TimeText(absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos()));
}

int64_t MicrosOf(const google::protobuf::Timestamp& time) {
  return time.seconds() * 1'000'000 + time.nanos() / 1'000;
}

class JsonWriter final : public ExportWriter {
 public:
  std::string Head(const std::string& tenant, bool with_history) const override {
    return absl::StrCat("{\"suppressd_export\":", kFormatVersion, ",\"tenant\":", JsonString(tenant),
                        ",\"history\":", with_history ? "true" : "false", "}\n");
  }
  std::string Line(const v1::ExportedEntry& entry) const override {
    google::protobuf::util::JsonPrintOptions options;
    options.preserve_proto_field_names = true;
    std::string line;
    google::protobuf::util::MessageToJsonString(entry, &line, options);
    line.push_back('\n');
    return line;
  }
  std::string Proof(const v1::ExportProof& proof) const override {
    return absl::StrCat("{\"proof\":{\"entry_count\":", proof.entry_count(),
                        ",\"revision_token\":", JsonString(proof.revision_token()),
                        ",\"sha256\":", JsonString(absl::BytesToHexString(proof.sha256())),
                        ",\"exported_at\":", JsonString(TimeCell(true, proof.exported_at())), "}}\n");
  }
};

class CsvWriter final : public ExportWriter {
 public:
  explicit CsvWriter(int64_t now_micros) : now_micros_(now_micros) {}

  std::string Head(const std::string&, bool) const override {
    return "address,suppressed,causes,listed_at,updated_at,first_event_at,last_event_at,expires_at,source,note\r\n";
  }
  std::string Line(const v1::ExportedEntry& entry) const override {
    const v1::Suppression& suppression = entry.suppression();
    std::vector<std::string> causes, sources, notes;
    const v1::Cause* first = nullptr;
    const v1::Cause* last = nullptr;
    std::string expires;
    bool suppressed = false;
    for (const v1::Cause& cause : suppression.causes()) {
      const bool counts = Counts(cause);
      suppressed |= counts;
      causes.push_back(CauseText(cause, counts));
      if (!cause.source().empty()) sources.push_back(cause.source());
      if (!cause.note().empty()) notes.push_back(cause.note());
      if (first == nullptr || MicrosOf(cause.first_event_at()) < MicrosOf(first->first_event_at())) first = &cause;
      if (last == nullptr || MicrosOf(cause.last_event_at()) > MicrosOf(last->last_event_at())) last = &cause;
      if (counts && cause.has_expires_at()) expires = TimeCell(true, cause.expires_at());
    }
    const std::string target =
        suppression.has_domain() ? absl::StrCat("@", suppression.domain()) : suppression.address();
    return Row({target, suppressed ? "yes" : "no", absl::StrJoin(causes, "; "),
                TimeCell(suppression.has_listed_at(), suppression.listed_at()),
                TimeCell(suppression.has_updated_at(), suppression.updated_at()),
                first == nullptr ? "" : TimeCell(first->has_first_event_at(), first->first_event_at()),
                last == nullptr ? "" : TimeCell(last->has_last_event_at(), last->last_event_at()), expires,
                absl::StrJoin(sources, "; "), absl::StrJoin(notes, "; ")});
  }
  std::string Proof(const v1::ExportProof& proof) const override {
    return Row({"#proof", absl::StrCat("entries ", proof.entry_count()),
                absl::StrCat("sha256 ", absl::BytesToHexString(proof.sha256())), TimeCell(true, proof.exported_at()),
                "", "", "", "", "", absl::StrCat("revision ", proof.revision_token())});
  }

 private:
  bool Counts(const v1::Cause& cause) const {
    if (cause.state() == v1::Cause::REACTIVATED || cause.state() == v1::Cause::EXPIRED) return false;
    return !cause.has_expires_at() || MicrosOf(cause.expires_at()) > now_micros_;
  }
  static std::string CauseText(const v1::Cause& cause, bool counts) {
    std::string text = v1::Cause::Type_Name(cause.type());
    if (cause.reason() != v1::BOUNCE_REASON_UNSPECIFIED) {
      absl::StrAppend(&text, " ", v1::BounceReason_Name(cause.reason()));
    }
    if (!cause.stream().empty()) absl::StrAppend(&text, " stream ", cause.stream());
    if (!counts) absl::StrAppend(&text, cause.state() == v1::Cause::REACTIVATED ? " (reactivated)" : " (expired)");
    return text;
  }
  static std::string Row(const std::vector<std::string>& cells) {
    std::string row;
    for (const std::string& cell : cells) absl::StrAppend(&row, row.empty() ? "" : ",", CsvCell(cell));
    return row + "\r\n";
  }

  const int64_t now_micros_;
};

}  // namespace

std::string CsvCell(const std::string& text) {
  const bool is_formula = !text.empty() && absl::string_view("=+-@\t\r").find(text[0]) != absl::string_view::npos;
  std::string safe = is_formula ? "'" + text : text;
  if (safe.find_first_of(",\"\r\n") == std::string::npos) return safe;
  std::string quoted = "\"";
  for (const char c : safe) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + "\"";
}

std::unique_ptr<ExportWriter> MakeJsonWriter() {
  return std::make_unique<JsonWriter>();
}

std::unique_ptr<ExportWriter> MakeCsvWriter(int64_t now_micros) {
  return std::make_unique<CsvWriter>(now_micros);
}

}  // namespace suppressd::suppressctl
