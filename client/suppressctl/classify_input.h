// What suppressctl classify reads: mails in files, directories and mboxes, replies on standard input.
#pragma once

#include <functional>
#include <istream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace suppressd::suppressctl {

struct ClassifyInput {
  // How rows name it: a file relative to its directory, "-" for standard input; "NAME#2" for the second mail of an
  // mbox.
  std::string name;
  // At most as much as is read of a mail.
  std::string content;
  // There was more.
  bool truncated = false;
};

using TakeInput = std::function<void(ClassifyInput)>;

// Reads a file, an mbox (it begins with "From ", and so does each mail in it, with a date where no blank line stands
// before; any line ends, a byte order mark and blank lines at its head do not matter), or a directory with all that is
// below it, in order of names; symbolic links to directories are not followed. NOT_FOUND or another code when a file
// cannot be read; the rest of a directory is read all the same.
absl::Status ReadPath(const std::string& path, const TakeInput& take);

// Reads a stream as one file, mbox included.
void ReadStream(const std::string& name, std::istream& in, const TakeInput& take);

// Whether a text is a mail rather than a bare SMTP reply: it begins with a header field, behind white space and a byte
// order mark.
bool LooksLikeMail(absl::string_view text);

}  // namespace suppressd::suppressctl
