// The words of an HTML page, by libxml2's forgiving parser.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace suppressd {

// `html` is UTF-8, whatever its meta elements say. One line per block; scripts and styles left out; valid UTF-8. Never
// fetches anything. Garbage gives some text or none. Thread-safe.
std::string HtmlToText(const std::string& html);

}  // namespace suppressd
