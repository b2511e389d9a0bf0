// Random commands, over few addresses so that they meet: repeats, wrong clocks, settings and refusals among them.
#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "tests/testing/commands.h"

namespace suppressd {

// A function of the seed. For one thread.
class RandomCommands {
 public:
  explicit RandomCommands(uint64_t seed) : random_(seed) {}

  // Made some minutes after the one before.
  stored::Command Next() {
    now_ += static_cast<int64_t>(random_() % (kMicrosPerDay / 50));
    stored::Command command = Make();
    if (Chance(2)) command.set_audit_salt(std::to_string(random_()));
    *command.mutable_at() = FromMicros(At());
    return command;
  }
  // The true time of the newest one, in microseconds since 1970; its own may be wrong.
  int64_t now_micros() const { return now_; }
  bool Chance(int one_in) { return random_() % one_in == 0; }

 private:
  static constexpr int64_t kHour = kMicrosPerDay / 24;

  std::string Address() {
    return Chance(30) ? "@d" + std::to_string(random_() % 4) + ".example.com"
                      : "u" + std::to_string(random_() % 60) + "@d" + std::to_string(random_() % 4) + ".example.com";
  }
  // The clock of the server that made the command: about right, minutes off, or years off, both ways.
  int64_t At() {
    if (Chance(500)) return now_ + 730 * kMicrosPerDay;
    if (Chance(500)) return now_ - 730 * kMicrosPerDay;
    return now_ + static_cast<int64_t>(random_() % kHour) - kHour / 2;
  }
  stored::Command Make() {
    const std::string address = Address();
    const std::string tenant = Chance(5) ? "other" : "default";
    if (Chance(2000)) return MakeSettings();
    if (Chance(100)) return NoteCommand("denied", now_, tenant);
    switch (random_() % 6) {
      case 0:
        return SuppressCommand(address, Chance(2) ? v1::Cause::MANUAL : v1::Cause::UNSUBSCRIBE, now_, tenant);
      case 1:
        return MakeReactivate(address, tenant);
      default:
        return MakeReport(address, tenant);
    }
  }
  stored::Command MakeReactivate(const std::string& address, const std::string& tenant) {
    stored::Command command = ReactivateCommand(address, now_, tenant);
    if (Chance(3)) {
      command.mutable_reactivate()->add_selectors()->set_type(v1::Cause::COMPLAINT);
      *command.mutable_reactivate()->mutable_consent()->mutable_obtained_at() =
          FromMicros(now_ - static_cast<int64_t>(random_() % 5) * kMicrosPerDay);
    }
    return command;
  }
  stored::Command MakeReport(const std::string& address, const std::string& tenant) {
    const bool complaint = Chance(6), soft = Chance(3);
    const auto bounce_class = complaint ? v1::Verdict::COMPLAINT : soft ? v1::Verdict::SOFT : v1::Verdict::HARD;
    const auto reason = static_cast<v1::BounceReason>(complaint ? 0 : 1 + random_() % 4);
    v1::BounceEvent event = EventOf(bounce_class, reason, now_ - static_cast<int64_t>(random_() % 3) * kMicrosPerDay);
    *event.mutable_received_at() = FromMicros(now_);
    if (Chance(2)) event.set_identity("mail to " + address);
    if (complaint && Chance(2)) event.set_stream("stream " + std::to_string(random_() % 60));
    stored::Command command =
        ReportCommand(address, event, soft ? CountDecision() : SuppressDecision(Chance(2) ? 30 : 0), now_, "", tenant);
    command.mutable_report()->mutable_recipients(0)->set_undated(Chance(4));
    if (Chance(2)) {
      command.set_request_key("r:" + std::to_string(random_() % 2'000));
      command.set_payload_digest(Chance(20) ? "another" : "one");
    }
    return command;
  }
  stored::Command MakeSettings() {
    stored::Command command;
    command.mutable_settings()->set_request_window_days(static_cast<int32_t>(7 + random_() % 20));
    command.mutable_settings()->set_bounce_retention_days(static_cast<int32_t>(1 + random_() % 60));
    return command;
  }

  std::mt19937_64 random_;
  int64_t now_ = Day(0);
};

}  // namespace suppressd
