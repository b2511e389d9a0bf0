// A small file of each format, made up, and what a test does with files.
#pragma once

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "server/bounces/imports/list_file.h"

namespace suppressd {

struct ListSample {
  std::string name;
  std::string format;
  std::string text;
};

// At least one of each format. Those of SendGrid's bounces and blocks look alike.
const std::vector<ListSample>& ListSamples();

// The text of a sample.
const std::string& SampleText(const std::string& name);

// All that is read of a file.
struct ReadFile {
  std::string format;
  std::vector<ListFile::Item> items;  // without the last, kEnd
  std::string end_why;
  std::vector<std::string> remarks;

  // The n-th item, a row or not.
  const v1::ImportRow& row(size_t n) const { return items.at(n).row; }
};

absl::StatusOr<ReadFile> Read(const std::string& text, const ListFileOptions& options = {});

// Fails the test when the file is refused.
ReadFile MustRead(const std::string& text, const ListFileOptions& options = {});

// Such as "2026-03-04T10:11:12.34Z"; empty: unset.
std::string TimeOf(const google::protobuf::Timestamp& time);

// Such as "HARD_BOUNCE ADDRESS_NOT_FOUND"; of a row that is not taken "SKIP" or "BAD".
std::string Said(const ListFile::Item& item);
std::vector<std::string> Said(const ReadFile& file);

}  // namespace suppressd
