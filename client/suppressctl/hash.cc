// suppressctl hash: what the log of a server that has the same key calls these addresses.
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/suppressctl/address_source.h"
#include "client/suppressctl/commands.h"
#include "client/suppressctl/json.h"
#include "client/suppressctl/text.h"
#include "common/address_hash.h"
#include "common/error.h"
#include "server/bounces/rules/address.h"

namespace suppressd::suppressctl {
namespace {

// A table is printed in parts, so that a long list needs little memory.
constexpr size_t kTableRowsMax = 10'000;

struct HashOptions {
  std::vector<std::string> addresses;
  std::string log_key_file;
};

// A mailbox, or "@domain" for a whole domain, as the server has it.
absl::StatusOr<Address> Normalise(const std::string& given) {
  return given.rfind('@', 0) == 0 ? NormaliseDomain(given.substr(1)) : NormaliseAddress(given);
}

// Prints rows as they come.
class HashPrinter {
 public:
  HashPrinter(const LogKey& key, Session& session) : key_(key), session_(session), table_(Header()) {
    if (session_.json()) session_.out() << "{\"logKeyId\":" << JsonString(key_.id()) << ",\"results\":[";
  }

  void Add(const std::string& given, const absl::StatusOr<Address>& address) {
    const std::string hash = address.ok() ? key_.Hash(address->ToString()) : "";
    if (session_.json()) {
      JsonObject row;
      row.Add("address", given).Add("addressHash", hash);
      if (!address.ok()) row.Add("error", ErrorOf(address.status()));
      session_.out() << (printed_ == 0 ? "" : ",") << row.ToString();
    } else {
      table_.Add(address.ok() ? std::vector<std::string>{given, hash, key_.id(), ""}
                              : std::vector<std::string>{given, "", key_.id(), WhyOf(address.status())});
    }
    if (++printed_ % kTableRowsMax == 0) PrintTable();
  }

  void Finish() {
    if (session_.json()) {
      session_.out() << "]}\n";
    } else if (printed_ == 0 || printed_ % kTableRowsMax != 0) {
      PrintTable();
    }
  }

 private:
  static std::vector<std::string> Header() { return {"ADDRESS", "HASH", "LOG_KEY_ID", "ERROR"}; }

  static JsonObject ErrorOf(const absl::Status& status) {
    JsonObject error;
    error.Add("reason", ReasonName(ReasonOf(status))).Add("message", std::string(status.message()));
    return error;
  }

  static std::string WhyOf(const absl::Status& status) {
    return absl::StrCat(ReasonName(ReasonOf(status)), ": ", status.message());
  }

  void PrintTable() {
    if (session_.json()) return;
    table_.Print(session_.out());
    table_ = Table(Header());
  }

  const LogKey& key_;
  Session& session_;
  Table table_;
  size_t printed_ = 0;
};

int Hash(const HashOptions& options, Session& session) {
  if (!session.table() && !session.json()) {
    return session.Fail(absl::InvalidArgumentError("hash prints a table or -o json"));
  }
  const absl::StatusOr<LogKey> key = LogKey::FromFile(options.log_key_file);
  if (!key.ok()) return session.Fail(key.status());
  HashPrinter printer(*key, session);
  AddressSource source(options.addresses, session.in());
  int exit_code = kDone;
  for (std::string given; source.Next(&given);) {
    const absl::StatusOr<Address> address = Normalise(given);
    if (!address.ok()) exit_code = kFailed;
    printer.Add(given, address);
  }
  printer.Finish();
  return exit_code;
}

}  // namespace

void AddHash(CLI::App& app, Session& session, int* exit_code) {
  auto options = std::make_shared<HashOptions>();
  CLI::App* command = app.add_subcommand("hash", "What logs call these addresses; needs the key, and no server");
  command
      ->add_option("address", options->addresses,
                   "Addresses, or @domain for a whole domain's entry; - reads one a line from standard input")
      ->required();
  command->add_option("--log_key_file", options->log_key_file, "The server's file of the same option")->required();
  command->footer("Exit codes: 0 done, 2 error, or an address that is invalid; the rest is printed all the same.");
  command->callback([options, &session, exit_code] { *exit_code = Hash(*options, session); });
}

}  // namespace suppressd::suppressctl
