// From the options a caller gave to options that can be used.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "suppressd/options.h"

namespace suppressd::client_internal {

// Where suppressd listens unless told otherwise.
inline constexpr char kDefaultTarget[] = "unix:/run/suppressd/suppressd.sock";
// The environment variable that replaces kDefaultTarget.
inline constexpr char kTargetVariable[] = "SUPPRESSION_TARGET";
// The environment variable that names the fallback where the options do not.
inline constexpr char kFallbackVariable[] = "SUPPRESSION_FALLBACK_TARGET";
// What stands for no fallback, in the options and in the environment.
inline constexpr char kNoFallback[] = "none";

// Fills in both targets and checks every option against the range documented in suppressd/options.h; without a
// fallback its target is empty. INVALID_ARGUMENT names the option. Reads the environment, opens no file.
absl::StatusOr<ClientOptions> ResolveOptions(ClientOptions options);

// The options of a client that talks to the fallback of `options`, which has one, and to nobody else. Pure.
ClientOptions FallbackOptions(ClientOptions options);

// Whether every address of a target is a Unix socket or loopback (127.0.0.0/8, ::1, "localhost").
bool IsLocalTarget(absl::string_view target);

}  // namespace suppressd::client_internal
