// What suppressctl prints as JSON is what protobuf would print: it parses back into the same message.
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include "client/internal/conversion.h"
#include "client/suppressctl/render.h"

namespace suppressd::suppressctl {
namespace {

using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;

constexpr int kDepthMax = 8;

// Sets every field of a message, repeated ones twice, each to a value of its own.
void Fill(Message* message, int* counter, int depth) {
  ASSERT_LT(depth, kDepthMax);
  const auto* reflection = message->GetReflection();
  const auto* descriptor = message->GetDescriptor();
  if (descriptor->full_name() == "google.protobuf.Timestamp") {
    reflection->SetInt64(message, descriptor->FindFieldByName("seconds"), 1'700'000'000 + ++*counter);
    reflection->SetInt32(message, descriptor->FindFieldByName("nanos"), 5'000'000);
    return;
  }
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const FieldDescriptor* field = descriptor->field(i);
    const int number = ++*counter;
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      for (int n = 0; n < (field->is_repeated() ? 2 : 1); ++n) {
        Fill(field->is_repeated() ? reflection->AddMessage(message, field) : reflection->MutableMessage(message, field),
             counter, depth + 1);
      }
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      reflection->SetString(message, field, field->name() + "\n\"\\\u00fc" + std::to_string(number));
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
      const int values = field->enum_type()->value_count();
      const int value = field->enum_type()->value(1 + number % (values - 1))->number();
      if (field->is_repeated()) {
        reflection->AddEnumValue(message, field, value);
      } else {
        reflection->SetEnumValue(message, field, value);
      }
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_BOOL) {
      reflection->SetBool(message, field, true);
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_INT64) {
      reflection->SetInt64(message, field, (int64_t{1} << 60) + number);
    } else {
      ASSERT_EQ(field->cpp_type(), FieldDescriptor::CPPTYPE_INT32) << field->full_name();
      reflection->SetInt32(message, field, field->name() == "code" ? number % 17 : number);
    }
  }
}

template <typename Response>
void ExpectRoundTrip(const Response& response) {
  const std::string json = ToJson(client_internal::FromProto(response)).ToString();
  Response parsed;
  const auto status = google::protobuf::util::JsonStringToMessage(json, &parsed);
  ASSERT_TRUE(status.ok()) << status << "\n" << json;
  google::protobuf::util::MessageDifferencer differencer;
  std::string difference;
  differencer.ReportDifferencesToString(&difference);
  EXPECT_TRUE(differencer.Compare(response, parsed)) << difference;
}

template <typename Response>
class JsonTest : public ::testing::Test {};

using Responses = ::testing::Types<v1::ReportBounceResponse, v1::GetBounceDetailsResponse, v1::ReactivateResponse,
                                   v1::SuppressResponse, v1::WatchResponse>;
TYPED_TEST_SUITE(JsonTest, Responses);

TYPED_TEST(JsonTest, AFullAnswerParsesBack) {
  TypeParam response;
  int counter = 0;
  Fill(&response, &counter, 0);
  ExpectRoundTrip(response);
}

TYPED_TEST(JsonTest, AnEmptyAnswerIsValid) {
  google::protobuf::util::JsonParseOptions options;
  TypeParam parsed;
  EXPECT_TRUE(
      google::protobuf::util::JsonStringToMessage(ToJson(client_internal::FromProto(TypeParam())).ToString(), &parsed)
          .ok());
}

}  // namespace
}  // namespace suppressd::suppressctl
