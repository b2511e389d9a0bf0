// A large list paged to the end while it is written: none missed, none doubled.
#include <gmock/gmock.h>

#include <cstdlib>
#include <vector>

#include "tests/testing/fill_store.h"
#include "tests/testing/temp_directory.h"

namespace suppressd {
namespace {

constexpr int64_t kEntries = SUPPRESSD_SANITIZED ? 50'000 : 1'000'000;  // the same facts, in bearable time

TEST(LargeListTest, PagesMissNoneAndDoubleNoneWhileBeingWritten) {
  TempDirectory directory;
  StoreOptions options;
  options.path = directory / "data";
  auto store = Store::Open(options);
  ASSERT_TRUE(store.ok());
  ASSERT_TRUE(FillStore(store->get(), 0, kEntries).ok());

  ListQuery query;
  query.tenant = "default";
  query.now_micros = Day(0);
  query.page_size = 1000;
  std::vector<uint8_t> seen(kEntries, 0);
  int64_t written = 0, others = 0;
  do {
    const auto page = (*store)->reader().List(query);
    ASSERT_TRUE(page.ok()) << page.status();
    for (const auto& suppression : page->suppressions) {
      const std::string& address = suppression.address();
      const int64_t i = address.starts_with("user") ? std::atoll(address.c_str() + 4) : -1;
      if (i >= 0 && i < kEntries) {
        ++seen[i];
      } else {
        ++others;
      }
    }
    query.after_key = page->next_after_key;
    query.first_revision = page->first_revision;
    // Entries go to the top of the list from everywhere in it, and new ones appear.
    std::vector<stored::Command> commands;
    for (int i = 0; i < 20; ++i, ++written) {
      const std::string mover = FilledAddress(written * 7919 % kEntries);
      commands.push_back(ReactivateCommand(mover, Day(-1, 3 * written)));
      commands.push_back(HardBounce(mover, Day(-1, 3 * written + 1)));
      commands.push_back(HardBounce("new" + std::to_string(written) + "@example.com", Day(-1, 3 * written + 2)));
    }
    ASSERT_TRUE(ApplyTo(*(*store), commands).ok());
  } while (!query.after_key.empty());
  int64_t missed = 0, doubled = 0;
  for (const uint8_t times : seen) {
    missed += times == 0;
    doubled += times > 1;
  }
  EXPECT_EQ(missed, 0);
  EXPECT_EQ(doubled, 0);
  EXPECT_EQ(others, 0) << "what was listed after the first page";
}

}  // namespace
}  // namespace suppressd
