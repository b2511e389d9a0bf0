// Causes in plain words, for a support person who is no mail expert. Pure.
#pragma once

#include <string>

#include "suppressd/v1/suppression_service.pb.h"

namespace suppressd {

// What a cause means, what to do, and what lifting it takes. `cause.state` must be what it is worth now.
// `matched_domain`: the domain, when the cause is on the whole of it; else empty.
v1::ExplainedCause Explain(const v1::Cause& cause, const std::string& matched_domain);

}  // namespace suppressd
