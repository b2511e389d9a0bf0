// Runs suppressctl in process, against a service on a real socket.
#pragma once

#include <gmock/gmock.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "client/suppressctl/commands.h"
#include "fake_service.h"

namespace suppressd::suppressctl {

class SuppressctlTest : public ::testing::Test {
 protected:
  // Runs a command line with the target of the fake service.
  int Run(std::vector<std::string> arguments, const std::string& input = "") {
    arguments.insert(arguments.end(), {"--target", service_.target()});
    return RunBare(arguments, input);
  }

  int RunBare(const std::vector<std::string>& arguments, const std::string& input = "") {
    std::istringstream in(input);
    std::ostringstream out, err;
    Session session(in, out, err);
    const int exit_code = suppressctl::Run(arguments, session);
    out_ = out.str();
    err_ = err.str();
    return exit_code;
  }

  google::protobuf::Struct Json() {
    google::protobuf::Struct json;
    const auto status = google::protobuf::util::JsonStringToMessage(out_, &json);
    EXPECT_TRUE(status.ok()) << status << "\n" << out_;
    return json;
  }

  // Suppressed: addresses that begin with "bad", without matches when with "bad-many"; invalid: those without "@".
  void AnswerBatches() {
    service_.on_batch = [this](const v1::BatchIsSuppressedRequest& request, v1::BatchIsSuppressedResponse* response) {
      batches_.push_back(request);
      response->set_revision_token("t" + std::to_string(batches_.size()));
      for (int i = 0; i < request.addresses_size(); ++i) {
        const std::string& address = request.addresses(i);
        const bool invalid = address.find('@') == std::string::npos;
        const bool bad = address.rfind("bad", 0) == 0;
        response->add_answers(invalid ? v1::IsSuppressedResponse::FAILED
                              : bad   ? v1::IsSuppressedResponse::SUPPRESSED
                                      : v1::IsSuppressedResponse::NOT_SUPPRESSED);
        if (!invalid && !bad) continue;
        v1::BatchResult* result = response->add_results();
        result->set_index(i);
        if (invalid) {
          result->mutable_error()->set_reason("INVALID_ADDRESS");
          result->mutable_error()->set_message("has no @");
        } else if (address.rfind("bad-many", 0) == 0) {
          result->set_matches_left_out(true);
        } else {
          v1::Cause* cause = result->add_matches()->mutable_cause();
          cause->set_type(v1::Cause::HARD_BOUNCE);
          cause->set_reason(v1::MAILBOX_FULL);
        }
      }
      return grpc::Status::OK;
    };
  }

  FakeService service_;
  std::vector<v1::BatchIsSuppressedRequest> batches_;
  std::string out_;
  std::string err_;
};

}  // namespace suppressd::suppressctl
