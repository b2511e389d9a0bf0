// Verdicts that no rule of a file gives: their ids stand in verdicts like those of rules, and are explained like them.
#pragma once

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace suppressd {

inline constexpr char kSuccessRule[] = "reply.success";
inline constexpr char kUnmatchedRule[] = "reply.unmatched";
inline constexpr char kOutOfMemoryRule[] = "engine.out_of_memory";

struct CodeRule {
  const char* id;  // one that ends in "*" stands for all that begin alike
  const char* verdict;
  const char* meaning;  // when it decides and what that leads to; one or two sentences
  const char* source;
};

// All of them, by id.
absl::Span<const CodeRule> CodeRules();
// The one that an id belongs to; null: none.
const CodeRule* FindCodeRule(absl::string_view id);

}  // namespace suppressd
