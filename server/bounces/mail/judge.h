// The verdict on one recipient of a mail, from the reply it quotes and the words around it.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "server/bounces/rules/classifier.h"
#include "suppressd/v1/bounce.pb.h"

namespace suppressd {

struct Judgement {
  v1::Verdict verdict;
  // The text that decided: kept with the event, so that later rules can judge it again.
  std::string diagnostic;
};

// `reply` holds what is known for sure; its text may be empty. `context` are the words around it. The reply speaks
// first, with the stage that the context tells; what only a code decided gives way to what the context says in words.
// Pure and thread-safe.
Judgement JudgeRecipient(const Classifier& classifier, v1::SmtpReply reply, absl::string_view context);

}  // namespace suppressd
