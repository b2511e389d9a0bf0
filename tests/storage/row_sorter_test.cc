#include "storage/row_sorter.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <tuple>

#include "tests/testing/temp_directory.h"

namespace suppressd {
namespace {

using Row = std::tuple<uint64_t, uint64_t, std::string>;

std::vector<Row> Merged(RowSorter* sorter) {
  std::vector<Row> rows;
  EXPECT_TRUE(sorter
                  ->Merge([&](const SortedRow& row) {
                    rows.emplace_back(row.group, row.order, std::string(row.text));
                    return rocksdb::Status::OK();
                  })
                  .ok());
  return rows;
}

TEST(RowSorterTest, NoRowsAreNone) {
  TempDirectory directory;
  RowSorter sorter(rocksdb::Env::Default(), directory.path(), 1 << 20);
  EXPECT_TRUE(Merged(&sorter).empty());
}

TEST(RowSorterTest, RowsComeInOrderAndEqualOnesAsTheyWereAdded) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (const size_t memory_bytes : {size_t{1} << 20, size_t{2'000}, size_t{200}}) {  // none, some, many files
    TempDirectory directory;
    std::vector<Row> rows;
    {
      RowSorter sorter(rocksdb::Env::Default(), directory.path(), memory_bytes);
      for (int i = 0; i < 2'000; ++i) {
        const auto& [group, order, text] =
            rows.emplace_back(random() % 3, random() % 50, std::to_string(i) + std::string(random() % 90, 'x'));
        ASSERT_TRUE(sorter.Add({group, order, text}).ok());
      }
      std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
        return std::tie(std::get<0>(a), std::get<1>(a)) < std::tie(std::get<0>(b), std::get<1>(b));
      });
      EXPECT_EQ(Merged(&sorter), rows);
    }
    EXPECT_TRUE(std::filesystem::is_empty(directory.path())) << "its files go with it";
  }
}

TEST(RowSorterTest, ARowThatIsTooLongIsRefused) {
  TempDirectory directory;
  RowSorter sorter(rocksdb::Env::Default(), directory.path(), 1 << 20);
  EXPECT_TRUE(sorter.Add({0, 0, std::string(65'535, 'x')}).ok());
  EXPECT_FALSE(sorter.Add({0, 0, std::string(65'536, 'x')}).ok());
}

TEST(RowSorterTest, AVisitorsFailureEndsTheMerge) {
  TempDirectory directory;
  RowSorter sorter(rocksdb::Env::Default(), directory.path(), 100);
  for (uint64_t i = 0; i < 100; ++i) ASSERT_TRUE(sorter.Add({0, i, "text"}).ok());
  int visited = 0;
  EXPECT_TRUE(
      sorter
          .Merge([&](const SortedRow&) { return ++visited == 3 ? rocksdb::Status::Aborted() : rocksdb::Status::OK(); })
          .IsAborted());
  EXPECT_EQ(visited, 3);
}

}  // namespace
}  // namespace suppressd
