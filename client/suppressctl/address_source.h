// The addresses that a command is given: words of its command line, and lines of standard input.
#pragma once

#include <cstddef>
#include <istream>
#include <string>
#include <vector>

namespace suppressd::suppressctl {

// Longest address in bytes; of a longer one as much is given as shows that it is too long.
inline constexpr size_t kGivenAddressBytesMax = 1'024;

// Gives addresses one by one: the words as they are, and for "-" the lines of `in`, without the white space around
// them; blank lines and those that begin with "#" are skipped. Holds one address at a time. Not thread-safe; `words`
// and `in` must outlive it.
class AddressSource {
 public:
  AddressSource(const std::vector<std::string>& words, std::istream& in) : words_(words), in_(in) {}

  // False: there is none left.
  bool Next(std::string* address);

 private:
  bool NextLine(std::string* address);

  const std::vector<std::string>& words_;
  std::istream& in_;
  size_t next_ = 0;
};

}  // namespace suppressd::suppressctl
