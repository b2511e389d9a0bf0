// Metrics in Prometheus' text format: each is a name, a help text, and a function that says what it is at this moment.
// The table of all of them is in docs/metrics.md.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/histogram.h"

namespace suppressd {

// Series of one metric; more are left out, and counted in suppressd_metrics_series_dropped_total.
inline constexpr size_t kSeriesMax = 500;

using MetricLabels = std::vector<std::pair<std::string, std::string>>;
struct MetricValue {
  MetricLabels labels;
  double value = 0;
};
struct MetricHistogram {
  MetricLabels labels;
  const LatencyHistogram* histogram;
};

// Thread-safe. Functions are called by whoever asks for Text, and must be quick.
class Metrics {
 public:
  void AddCounter(std::string name, std::string help, std::function<double()> value);
  void AddGauge(std::string name, std::string help, std::function<double()> value);
  void AddCounters(std::string name, std::string help, std::function<std::vector<MetricValue>()> values);
  void AddGauges(std::string name, std::string help, std::function<std::vector<MetricValue>()> values);
  void AddHistograms(std::string name, std::string help, std::function<std::vector<MetricHistogram>()> histograms);
  // CPU, memory, descriptors and start of this process, from /proc.
  void AddProcess();

  // Nobody is asked any more; before what the functions look at goes.
  void Clear();
  std::string Text() const;

 private:
  enum class Kind { kCounter, kGauge, kHistogram };
  struct Family {
    std::string name;
    std::string help;
    Kind kind;
    std::function<std::vector<MetricValue>()> values;
    std::function<std::vector<MetricHistogram>()> histograms;
  };

  void Add(Family family);

  mutable absl::Mutex mutex_;
  std::vector<Family> families_ ABSL_GUARDED_BY(mutex_);
  mutable double dropped_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace suppressd
