// Causes in plain words, for a support person who is no mail expert. Pure.
#pragma once

#include "suppression/v1/suppression_service.pb.h"

namespace suppression {

// What a cause means, what to do, and what lifting it takes. `cause.state` must be what it is worth now.
v1::CauseExplanation Explain(const v1::Cause& cause);

}  // namespace suppression
