// What the commands print: values as JSON objects and as words of a table. Pure and thread-safe.
#pragma once

#include <ostream>
#include <string>

#include "client/suppressctl/json.h"
#include "suppressd/types.h"

namespace suppressd::suppressctl {

// As protobuf's JSON mapping of the message of the same name.
JsonObject ToJson(const Cause& cause);
JsonObject ToJson(const Match& match);
JsonObject ToJson(const ItemError& error);
JsonObject ToJson(const Suppression& suppression);
JsonObject ToJson(const Freshness& freshness);
JsonObject ToJson(const Outcome& outcome);
JsonObject ToJson(const ReportResult& result);
JsonObject ToJson(const Counts& counts);
JsonObject ToJson(const Details& details);
JsonObject ToJson(const ReactivateResult& result);
JsonObject ToJson(const SuppressResult& result);
JsonObject ToJson(const WatchStep& step);

// "HARD_BOUNCE ADDRESS_NOT_FOUND", with the stream where there is one.
std::string Describe(const Cause& cause);
// The same, saying whether it is the whole domain's, and whether the server knows it.
std::string Describe(const Match& match);
// All of them, separated by commas.
std::string Describe(const std::vector<Match>& matches);
// The causes that count now, separated by commas; all of them when none does.
std::string DescribeCauses(const Suppression& suppression);

// "answered from a replica, at most 1.5s old", one line for under a table.
std::string Describe(const Freshness& freshness);

// The details of an address in words, over several lines.
void PrintDetails(const Details& details, std::ostream& out);

}  // namespace suppressd::suppressctl
