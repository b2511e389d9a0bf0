// The calls of AdminService that suppressctl makes.
#pragma once

#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/secure_channel.h"
#include "suppressd/options.h"
#include "suppressd/v1/admin_service.grpc.pb.h"

namespace suppressd::suppressctl {

// A cheap value; copies share one channel. Thread-safe.
class AdminCalls {
 public:
  // `options` must come from ResolveOptions(); of them, target, TLS and retry are used. Connects at the first call.
  // Errors: MakeChannel().
  static absl::StatusOr<AdminCalls> Make(const ClientOptions& options);

  // Ends within `timeout`, retries included: rows that were taken by the first attempt change nothing at the second.
  absl::StatusOr<v1::ImportResponse> Import(const v1::ImportRequest& request, absl::Duration timeout) const;
  // Gives every message to `take`, in order; ends early, with its error, when that fails. A stream that breaks off is
  // resumed, `attempts` times without a message in between. OK: the last message had the proof.
  absl::Status Export(v1::ExportRequest request, absl::FunctionRef<absl::Status(v1::ExportResponse)> take) const;

 private:
  using Admin = v1::AdminService::StubInterface;

  AdminCalls(std::shared_ptr<SecureChannel> channel, RetryOptions retry);
  // Until the stream ends. `position`: moved on with each message.
  absl::Status ExportOnce(const v1::ExportRequest& request, absl::FunctionRef<absl::Status(v1::ExportResponse)> take,
                          std::string* position, bool* is_proved, absl::Status* refused) const;

  std::shared_ptr<SecureChannel> channel_;
  std::shared_ptr<Admin> admin_;
  RetryOptions retry_;
};

}  // namespace suppressd::suppressctl
