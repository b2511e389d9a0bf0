#include "server/management/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace suppressd {
namespace {

// Of /proc/self/stat, counted from the state, which follows the name in parentheses.
constexpr size_t kStatUserTicks = 11;
constexpr size_t kStatSystemTicks = 12;
constexpr size_t kStatStartTicks = 19;
constexpr size_t kStatVirtualBytes = 20;
constexpr size_t kStatResidentPages = 21;

std::string ReadWhole(const char* path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

double NumberIn(const std::vector<std::string>& words, size_t index) {
  double number = 0;
  return index < words.size() && absl::SimpleAtod(words[index], &number) ? number : 0;
}

std::vector<std::string> Stat() {
  const std::string text = ReadWhole("/proc/self/stat");
  const size_t name_end = text.rfind(')');
  if (name_end == std::string::npos) return {};
  return absl::StrSplit(absl::string_view(text).substr(name_end + 1), ' ', absl::SkipEmpty());
}

// When the machine was started, in seconds since 1970.
double BootSeconds() {
  for (const absl::string_view line : absl::StrSplit(ReadWhole("/proc/stat"), '\n')) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ');
    if (words[0] == "btime") return NumberIn(words, 1);
  }
  return 0;
}

double OpenFiles() {
  std::error_code error;
  const std::filesystem::directory_iterator files("/proc/self/fd", error);
  return error ? 0 : static_cast<double>(std::distance(begin(files), end(files)));
}

std::vector<prometheus::ClientMetric::Label> LabelsOf(const MetricLabels& labels) {
  std::vector<prometheus::ClientMetric::Label> made;
  for (const auto& [name, value] : labels) made.push_back({name, value});
  return made;
}

prometheus::ClientMetric HistogramOf(const MetricHistogram& one) {
  prometheus::ClientMetric metric;
  metric.label = LabelsOf(one.labels);
  uint64_t count = 0;
  for (int i = 0; i < LatencyHistogram::kBuckets; ++i) {
    count += static_cast<uint64_t>(one.histogram->Count(i));
    const bool last = i + 1 == LatencyHistogram::kBuckets;
    metric.histogram.bucket.push_back(
        {count, last ? std::numeric_limits<double>::infinity() : kLatencyBounds[static_cast<size_t>(i)]});
  }
  metric.histogram.sample_count = count;
  metric.histogram.sample_sum = one.histogram->SumSeconds();
  return metric;
}

}  // namespace

void Metrics::Add(Family family) {
  absl::MutexLock lock(&mutex_);
  families_.push_back(std::move(family));
}

void Metrics::AddCounter(std::string name, std::string help, std::function<double()> value) {
  AddCounters(std::move(name), std::move(help), [value = std::move(value)] {
    return std::vector<MetricValue>{{{}, value()}};
  });
}
void Metrics::AddGauge(std::string name, std::string help, std::function<double()> value) {
  AddGauges(std::move(name), std::move(help), [value = std::move(value)] {
    return std::vector<MetricValue>{{{}, value()}};
  });
}
void Metrics::AddCounters(std::string name, std::string help, std::function<std::vector<MetricValue>()> values) {
  Add({std::move(name), std::move(help), Kind::kCounter, std::move(values), nullptr});
}
void Metrics::AddGauges(std::string name, std::string help, std::function<std::vector<MetricValue>()> values) {
  Add({std::move(name), std::move(help), Kind::kGauge, std::move(values), nullptr});
}
void Metrics::AddHistograms(std::string name, std::string help,
                            std::function<std::vector<MetricHistogram>()> histograms) {
  Add({std::move(name), std::move(help), Kind::kHistogram, nullptr, std::move(histograms)});
}

void Metrics::AddProcess() {
  const double ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  const double page = static_cast<double>(sysconf(_SC_PAGESIZE));
  AddCounter("process_cpu_seconds_total", "CPU time used.", [ticks] {
    const std::vector<std::string> stat = Stat();
    return (NumberIn(stat, kStatUserTicks) + NumberIn(stat, kStatSystemTicks)) / ticks;
  });
  AddGauge("process_start_time_seconds", "When the process was started, in seconds since 1970.",
           [ticks] { return BootSeconds() + NumberIn(Stat(), kStatStartTicks) / ticks; });
  AddGauge("process_resident_memory_bytes", "Memory in use.",
           [page] { return NumberIn(Stat(), kStatResidentPages) * page; });
  AddGauge("process_virtual_memory_bytes", "Address space in use.", [] { return NumberIn(Stat(), kStatVirtualBytes); });
  AddGauge("process_open_fds", "Open descriptors.", OpenFiles);
}

void Metrics::Clear() {
  absl::MutexLock lock(&mutex_);
  families_.clear();
}

std::string Metrics::Text() const {
  absl::MutexLock lock(&mutex_);
  std::vector<prometheus::MetricFamily> families;
  for (const Family& family : families_) {
    prometheus::MetricFamily made{family.name, family.help, prometheus::MetricType::Gauge, {}};
    if (family.kind == Kind::kCounter) made.type = prometheus::MetricType::Counter;
    if (family.kind == Kind::kHistogram) made.type = prometheus::MetricType::Histogram;
    if (family.values) {
      for (const MetricValue& value : family.values()) {
        prometheus::ClientMetric metric;
        metric.label = LabelsOf(value.labels);
        (family.kind == Kind::kCounter ? metric.counter.value : metric.gauge.value) = value.value;
        made.metric.push_back(std::move(metric));
      }
    }
    if (family.histograms) {
      for (const MetricHistogram& one : family.histograms()) made.metric.push_back(HistogramOf(one));
    }
    if (made.metric.size() > kSeriesMax) {
      dropped_ += static_cast<double>(made.metric.size() - kSeriesMax);
      made.metric.resize(kSeriesMax);
    }
    families.push_back(std::move(made));
  }
  prometheus::MetricFamily dropped{"suppressd_metrics_series_dropped_total",
                                   "Series left out because a metric had too many.",
                                   prometheus::MetricType::Counter,
                                   {}};
  dropped.metric.emplace_back().counter.value = dropped_;
  families.push_back(std::move(dropped));
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace suppressd
