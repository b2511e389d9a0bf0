// What a check pays for normalising, and a report for classifying.
#include <benchmark/benchmark.h>

#include "server/bounces/rules/address.h"
#include "server/bounces/rules/classifier.h"

namespace suppressd {
namespace {

void NormaliseInput(benchmark::State& state, const char* input) {
  for (auto _ : state) benchmark::DoNotOptimize(NormaliseAddress(input));
}
BENCHMARK_CAPTURE(NormaliseInput, ascii, "John.Doe@Example.com");
BENCHMARK_CAPTURE(NormaliseInput, ascii_long, "<newsletter+subscriber.2024@marketing.mail.example.org>");
BENCHMARK_CAPTURE(NormaliseInput, utf8_local_part, "j\xC3\xBCrgen@example.com");
BENCHMARK_CAPTURE(NormaliseInput, u_label,
                  "john@b\xC3\xBC"
                  "cher.example");
BENCHMARK_CAPTURE(NormaliseInput, a_label, "john@xn--bcher-kva.example");
BENCHMARK_CAPTURE(NormaliseInput, refused, "john.example.com");

void ClassifyReply(benchmark::State& state, const char* text) {
  static const Classifier& classifier = *Classifier::BuiltIn()->release();
  v1::SmtpReply reply;
  reply.set_text(text);
  reply.set_remote_mta("mx.example.com");
  for (auto _ : state) benchmark::DoNotOptimize(classifier.Classify(reply));
}
BENCHMARK_CAPTURE(ClassifyReply, short_text, "550 5.1.1 <user@example.com>... User unknown");
BENCHMARK_CAPTURE(ClassifyReply, multi_line,
                  "550-5.1.1 The email account that you tried to reach does not exist. Please try\r\n"
                  "550-5.1.1 double-checking the recipient's email address for typos or\r\n"
                  "550-5.1.1 unnecessary spaces. Learn more at\r\n"
                  "550 5.1.1  https://support.google.com/mail/?p=NoSuchUser a1-20020a17si123456pla.123 - gsmtp");
BENCHMARK_CAPTURE(ClassifyReply, sender_side,
                  "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org");
BENCHMARK_CAPTURE(ClassifyReply, unmatched, "550 plugh");

void LoadBuiltInRules(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(Classifier::BuiltIn());
}
BENCHMARK(LoadBuiltInRules)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace suppressd
