// RETURN_IF_ERROR(expression): returns from the calling function with the status of the expression unless it is OK.
#pragma once

#include "absl/status/status.h"

#define RETURN_IF_ERROR(expression) \
  if (absl::Status status_ = (expression); !status_.ok()) return status_
