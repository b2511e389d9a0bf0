#include "server/management/pages.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace suppressd {
namespace {

constexpr char kPages[] =
    "/metrics  for Prometheus\n"
    "/livez    whether the threads move on\n"
    "/readyz   whether the server serves (?verbose: each check)\n"
    "/statusz  how it is doing\n";
constexpr char kMetricsType[] = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace

void ManagementPages::AddCheck(std::string name, Check check) {
  absl::MutexLock lock(&mutex_);
  checks_.push_back({std::move(name), std::move(check), true});
}

void ManagementPages::AddNote(std::string name, Check check) {
  absl::MutexLock lock(&mutex_);
  checks_.push_back({std::move(name), std::move(check), false});
}

void ManagementPages::AddStatus(Lines lines) {
  absl::MutexLock lock(&mutex_);
  status_.push_back(std::move(lines));
}

absl::Status ManagementPages::Serve(const std::string& address) {
  absl::StatusOr<std::unique_ptr<HttpServer>> server = HttpServer::Start(
      address, [this](const std::string& path, const std::string& query) { return Answer(path, query); });
  if (!server.ok()) return server.status();
  server_ = *std::move(server);
  return absl::OkStatus();
}

void ManagementPages::BeginStop() {
  metrics_.Clear();
  heartbeats_.Clear();
  absl::MutexLock lock(&mutex_);
  stopping_ = true;
  checks_.clear();
  status_.clear();
}

HttpAnswer ManagementPages::Answer(const std::string& path, const std::string& query) const {
  if (path == "/metrics") return {200, metrics_.Text(), kMetricsType};
  if (path == "/livez") return Live();
  if (path == "/readyz") return Ready(query == "verbose" || query == "verbose=true");
  if (path == "/statusz") return Status();
  if (path == "/") return {200, kPages};
  return {404, absl::StrCat("no such page; there are:\n", kPages)};
}

HttpAnswer ManagementPages::Live() const {
  const std::vector<std::string> late = heartbeats_.Late();
  if (late.empty()) return {200, "ok\n"};
  return {503, absl::StrCat("late: ", absl::StrJoin(late, ", "), "\n")};
}

HttpAnswer ManagementPages::Ready(bool verbose) const {
  absl::MutexLock lock(&mutex_);
  if (stopping_) return {503, "[-]stopping\n"};
  std::string text;
  bool ready = true;
  for (const Named& named : checks_) {
    const absl::Status status = named.check();
    if (named.must_hold) ready &= status.ok();
    if (status.ok()) {
      if (verbose) absl::StrAppend(&text, "[+]", named.name, " ok\n");
    } else if (verbose || named.must_hold) {
      absl::StrAppend(&text, named.must_hold ? "[-]" : "[!]", named.name, " failed: ", status.message(), "\n");
    }
  }
  return {ready ? 200 : 503, absl::StrCat(text, ready ? "ok\n" : "not ready\n")};
}

HttpAnswer ManagementPages::Status() const {
  absl::MutexLock lock(&mutex_);
  std::string text;
  for (const Lines& lines : status_) {
    for (const auto& [name, value] : lines()) {
      absl::StrAppend(&text, name, ": ", std::string(name.size() < 24 ? 24 - name.size() : 0, ' '), value, "\n");
    }
  }
  return {200, text};
}

}  // namespace suppressd
