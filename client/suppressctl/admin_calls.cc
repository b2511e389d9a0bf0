#include "client/suppressctl/admin_calls.h"

#include <utility>

#include "client/internal/channel.h"
#include "client/suppressctl/service_call.h"

namespace suppressd::suppressctl {

absl::StatusOr<AdminCalls> AdminCalls::Make(const ClientOptions& options) {
  auto channel = client_internal::MakeChannel(options);
  if (!channel.ok()) return channel.status();
  return AdminCalls(*std::move(channel), options.retry);
}

AdminCalls::AdminCalls(std::shared_ptr<SecureChannel> channel, RetryOptions retry)
    : channel_(std::move(channel)), admin_(v1::AdminService::NewStub(channel_->Get())), retry_(retry) {}

absl::StatusOr<v1::ImportResponse> AdminCalls::Import(const v1::ImportRequest& request, absl::Duration timeout) const {
  return CallService(channel_.get(), retry_, admin_.get(), &Admin::Import, request, timeout);
}

absl::Status AdminCalls::ExportOnce(const v1::ExportRequest& request,
                                    absl::FunctionRef<absl::Status(v1::ExportResponse)> take, std::string* position,
                                    bool* is_proved, absl::Status* refused) const {
  grpc::ClientContext context;
  channel_->AddToken(&context);
  const auto reader = admin_->Export(&context, request);
  v1::ExportResponse message;
  while (refused->ok() && reader->Read(&message)) {
    *position = message.position();
    *is_proved = message.has_proof();
    *refused = take(std::move(message));
    message.Clear();
  }
  if (!refused->ok()) context.TryCancel();
  return FromGrpc(reader->Finish());
}

absl::Status AdminCalls::Export(v1::ExportRequest request,
                                absl::FunctionRef<absl::Status(v1::ExportResponse)> take) const {
  const client_internal::RetryEnvironment environment = client_internal::SystemRetryEnvironment();
  absl::Status refused;
  for (int attempts = 1;; ++attempts) {
    std::string position = request.after();
    bool is_proved = false;
    absl::Status ended = ExportOnce(request, take, &position, &is_proved, &refused);
    if (!refused.ok()) return refused;
    if (is_proved) return absl::OkStatus();
    // Ended without its proof: the server shuts down, or we were too slow.
    if (ended.ok()) ended = absl::UnavailableError("the server ended the export before it was complete");
    if (!absl::IsUnavailable(ended) && !absl::IsCancelled(ended)) return ended;
    if (position != request.after()) attempts = 1;
    if (attempts >= retry_.max_attempts) return client_internal::AfterAttempts(ended, attempts);
    request.set_after(position);
    environment.sleep(client_internal::RetryWait(retry_, environment, attempts, ended), Cancellation());
  }
}

}  // namespace suppressd::suppressctl
