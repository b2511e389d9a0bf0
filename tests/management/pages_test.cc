#include "server/management/pages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "storage/worker_pool.h"

namespace suppressd {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(PagesTest, AThreadThatIsLateIsNamed) {
  ManagementPages pages;
  absl::Duration busy = absl::ZeroDuration();
  pages.heartbeats().Add("main", absl::Seconds(30), [] { return absl::ZeroDuration(); });
  pages.heartbeats().Add("commit log", absl::Seconds(60), [&] { return busy; });
  EXPECT_EQ(pages.Answer("/livez", "").status, 200) << "a thread that waits for work is well";
  busy = absl::Seconds(60);
  EXPECT_EQ(pages.Answer("/livez", "").status, 200);
  busy = absl::Seconds(61);
  const HttpAnswer answer = pages.Answer("/livez", "");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.body, "late: commit log (1m1s)\n");
}

TEST(PagesTest, AHeartbeatIsBusyFromTheBeginningOfWorkToItsEnd) {
  Heartbeat beat;
  EXPECT_EQ(beat.busy(), absl::ZeroDuration());
  {
    const Heartbeat::Work work(&beat);
    EXPECT_GT(beat.busy(), absl::ZeroDuration());
  }
  EXPECT_EQ(beat.busy(), absl::ZeroDuration());
}

TEST(PagesTest, ReadinessNamesWhatFailedAndNotesDoNotCount) {
  ManagementPages pages;
  absl::Status replica;
  pages.AddCheck("replica served", [&] { return replica; });
  pages.AddNote("server reached", [] { return absl::UnavailableError("no route"); });
  EXPECT_EQ(pages.Answer("/readyz", "").body, "ok\n");
  EXPECT_EQ(pages.Answer("/readyz", "verbose").body, "[+]replica served ok\n[!]server reached failed: no route\nok\n");
  replica = absl::UnavailableError("none yet");
  const HttpAnswer answer = pages.Answer("/readyz", "");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.body, "[-]replica served failed: none yet\nnot ready\n");
}

TEST(PagesTest, NothingIsAskedOnceTheServerStops) {
  ManagementPages pages;
  int asked = 0;
  pages.AddCheck("one", [&] { return ++asked, absl::OkStatus(); });
  pages.metrics().AddGauge("one", "One.", [&] { return static_cast<double>(++asked); });
  pages.BeginStop();
  EXPECT_EQ(pages.Answer("/readyz", "").status, 503);
  EXPECT_EQ(pages.Answer("/livez", "").status, 200);
  EXPECT_THAT(pages.Answer("/metrics", "").body, Not(HasSubstr("# TYPE one ")));
  EXPECT_EQ(asked, 0);
}

TEST(MetricsTest, ExpositionHasHelpTypeLabelsAndBuckets) {
  Metrics metrics;
  LatencyHistogram took;
  took.Record(absl::Microseconds(80));
  took.Record(absl::Seconds(20));
  metrics.AddCounters("calls_total", "Calls.", [] {
    return std::vector<MetricValue>{{{{"code", "OK"}}, 3}, {{{"code", "a\"b"}}, 1}};
  });
  metrics.AddHistograms("took_seconds", "How long.", [&] { return std::vector<MetricHistogram>{{{}, &took}}; });
  const std::string text = metrics.Text();
  EXPECT_THAT(text, HasSubstr("# HELP calls_total Calls.\n# TYPE calls_total counter\n"));
  EXPECT_THAT(text, HasSubstr("calls_total{code=\"OK\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("calls_total{code=\"a\\\"b\"} 1\n")) << "a label is escaped";
  EXPECT_THAT(text, HasSubstr("took_seconds_bucket{le=\"0.0001\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("took_seconds_bucket{le=\"10\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("took_seconds_bucket{le=\"+Inf\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("took_seconds_count 2\n"));
}

TEST(MetricsTest, SeriesBeyondTheLimitAreLeftOutAndCounted) {
  Metrics metrics;
  metrics.AddGauges("many", "Many.", [] {
    std::vector<MetricValue> values;
    for (size_t i = 0; i < kSeriesMax + 7; ++i) values.push_back({{{"number", absl::StrCat(i)}}, 1});
    return values;
  });
  const std::string text = metrics.Text();
  EXPECT_THAT(text, HasSubstr(absl::StrCat("many{number=\"", kSeriesMax - 1, "\"} 1\n")));
  EXPECT_THAT(text, Not(HasSubstr(absl::StrCat("many{number=\"", kSeriesMax, "\"} 1\n"))));
  EXPECT_THAT(text, HasSubstr("suppressd_metrics_series_dropped_total 7\n"));
}

TEST(PagesTest, AThreadThatIsStoppedIsNamedUntilItGoesOn) {
  WorkerPool pool(1);
  ManagementPages pages;
  pages.heartbeats().Add("answers to writes", absl::Milliseconds(1), [&pool] { return pool.busy(); });
  absl::Notification stopped, go_on;
  pool.Run([&] {
    stopped.Notify();
    go_on.WaitForNotification();
  });
  stopped.WaitForNotification();
  while (pages.Answer("/livez", "").status == 200) std::this_thread::yield();
  const HttpAnswer late = pages.Answer("/livez", "");
  EXPECT_EQ(late.status, 503);
  EXPECT_THAT(late.body, HasSubstr("answers to writes ("));
  go_on.Notify();
  pool.Close();
  EXPECT_EQ(pages.Answer("/livez", "").status, 200);
}

}  // namespace
}  // namespace suppressd
