// Between the API's messages and the values of suppressd/types.h, field by field. Pure and thread-safe.
#pragma once

#include "suppressd/types.h"
#include "suppressd/v1/suppression_service.pb.h"

namespace suppressd::client_internal {

v1::IsSuppressedRequest ToProto(const CheckRequest& request);
v1::BatchIsSuppressedRequest ToProto(const BatchRequest& request);
v1::ReportBounceRequest ToProto(const ReportRequest& request);
v1::ListSuppressionsRequest ToProto(const ListRequest& request);
v1::CountSuppressionsRequest ToProto(const CountRequest& request);
v1::GetBounceDetailsRequest ToProto(const DetailsRequest& request);
v1::ReactivateRequest ToProto(const ReactivateRequest& request);
v1::SuppressRequest ToProto(const SuppressRequest& request);
v1::WatchRequest ToProto(const WatchRequest& request);

CheckResult FromProto(const v1::IsSuppressedResponse& response);
BatchResult FromProto(const v1::BatchIsSuppressedResponse& response);
ReportResult FromProto(const v1::ReportBounceResponse& response);
Page FromProto(const v1::ListSuppressionsResponse& response);
Counts FromProto(const v1::CountSuppressionsResponse& response);
Details FromProto(const v1::GetBounceDetailsResponse& response);
ReactivateResult FromProto(const v1::ReactivateResponse& response);
SuppressResult FromProto(const v1::SuppressResponse& response);
WatchStep FromProto(const v1::WatchResponse& response);

}  // namespace suppressd::client_internal
