// Calls of the admin service of a TestServer.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/testing/test_server.h"

namespace suppressd {

inline google::protobuf::Timestamp DaysAgo(const TestServer& server, double days) {
  google::protobuf::Timestamp time;
  time.set_seconds(absl::ToUnixSeconds(const_cast<TestServer&>(server).clock().Now() - days * absl::Hours(24)));
  return time;
}

inline grpc::Status Import(TestServer& server, const v1::ImportRequest& request, v1::ImportResponse* response) {
  grpc::ClientContext context;
  response->Clear();
  return server.admin_stub().Import(&context, request, response);
}

// All of an export.
struct WholeExport {
  grpc::Status status;
  std::vector<v1::ExportedEntry> entries;
  std::vector<std::string> positions;  // of each message
  std::vector<int> counts;             // its entries
  v1::ExportProof proof;
};

// At most `messages_max` of its messages; then the stream is cut.
inline WholeExport Export(TestServer& server, const v1::ExportRequest& request, int messages_max = 1'000'000) {
  WholeExport whole;
  grpc::ClientContext context;
  const auto reader = server.admin_stub().Export(&context, request);
  v1::ExportResponse message;
  while (static_cast<int>(whole.positions.size()) < messages_max && reader->Read(&message)) {
    for (const v1::ExportedEntry& entry : message.entries()) whole.entries.push_back(entry);
    whole.positions.push_back(message.position());
    whole.counts.push_back(message.entries_size());
    whole.proof = message.proof();
  }
  if (static_cast<int>(whole.positions.size()) >= messages_max) context.TryCancel();
  whole.status = reader->Finish();
  return whole;
}

inline v1::ExportRequest EverythingOf(const std::string& tenant) {
  v1::ExportRequest request;
  request.set_tenant(tenant);
  request.set_with_history(true);
  return request;
}

}  // namespace suppressd
