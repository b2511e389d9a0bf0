"""Who may include what: the dependency rules of docs/architecture.md, read off the includes.

  layering_test.py CHECKOUT
"""

import os
import re
import sys

FOLDERS = ("protos", "common", "storage", "server", "client", "tests")
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.M)

GRPC = r"grpc|.*\.grpc\.pb\.h$"
GENERATED = r".*\.pb\.h$"
OURS = r"(protos|common|storage|server|client|tests)/"
IO_CLOCK_LOG = (r"(spdlog|rocksdb|grpc\w*)/|sys/|absl/(time/clock|log/|random)|"
                r"(fstream|iostream|cstdio|chrono|thread|ctime|random|filesystem|(unistd|fcntl|time|stdio)\.h)$")

# Sources, the includes they must not have, and why.
RULES = (
    (r"common/", r"(storage|server|client|tests)/", "common depends on protos only"),
    (r"common/(?!(from_grpc|channel_arguments|secure_channel)\.)", GRPC, "common knows no gRPC but where it speaks it"),
    (r"storage/", r"common/(from_grpc|channel_arguments|secure_channel)\.", "storage knows no gRPC"),
    (r"storage/", GRPC, "storage knows no gRPC"),
    (r"storage/", r"(server|client|tests)/", "storage depends on common and protos only"),
    (r"server/bounces/rules/", IO_CLOCK_LOG, "the rules are pure: no I/O, no clock, no logging"),
    (r"server/bounces/rules/", r"(storage|client|tests)/|server/(?!bounces/rules/)", "the rules depend on common and protos only"),
    (r"server/bounces/mail/", IO_CLOCK_LOG, "reading mails is pure: no I/O, no clock, no logging"),
    (r"server/bounces/mail/", GRPC, "reading mails knows no gRPC"),
    (r"server/bounces/mail/", r"(storage|client|tests)/|server/(?!bounces/)", "reading mails depends on rules, common and protos only"),
    (r"server/bounces/imports/", IO_CLOCK_LOG, "reading list files is pure: streams only, no clock, no logging"),
    (r"server/bounces/imports/", GRPC, "reading list files knows no gRPC"),
    (r"server/bounces/imports/", r"(storage|client|tests)/|server/(?!bounces/(imports|rules)/)",
     "reading list files depends on rules, common and protos only"),
    (r"server/(?!bounces/imports/)", r"server/bounces/imports/", "list files are read beside suppressctl (docs/decisions/0022)"),
    (r"server/base/", r"storage/|server/(?!(base|bounces)/)", "base is below all other rooms"),
    (r"server/access/", GRPC, "who may do what knows no gRPC"),
    (r"server/access/", r"storage/|server/(?!(access|bounces/rules)/)", "who may do what is decided without the rest of the service"),
    (r"server/access/(authorize|access_file|permissions|quota_file)\.", IO_CLOCK_LOG, "what files of access say is pure"),
    (r"server/management/", GRPC, "the management port knows no gRPC"),
    (r"server/management/", r"storage/|server/(?!(base|management)/)", "the management port is told by app what it shows"),
    (r"server/gate/", r"storage/|server/(?!(base|gate)/)", "the gate knows nothing of the service"),
    (r"server/rpc/", r"server/(?!(access|base|bounces/rules|rpc)/)", "rpc is what every call has, and knows none of them"),
    (r"server/list/", r"server/(?!(base|bounces|rpc|list)/)", "the list knows neither replication, sidecars nor wiring"),
    (r"server/replication/", r"server/(?!(base|rpc|replication)/)", "replication knows neither the list's calls nor sidecars"),
    (r"server/admin/", r"server/(app|gate|management|sidecar)/", "administration knows neither sidecars nor wiring"),
    (r"server/sidecar/", r"server/(app|gate)/", "a sidecar is wired by app"),
    (r"server/", r"client/", "the server is no client application"),
    (r"server/", r"tests/", "the server does not know its tests"),
    (r"client/(?!suppressctl/)", r"(storage|server|tests)/", "the client library depends on common and protos only"),
    (r"client/(?!suppressctl/)", r"client/suppressctl/", "the client library does not know suppressctl"),
    (r"client/suppressctl/", r"(storage|tests)/|server/(?!bounces/|access/(authorize|access_file|permissions)\.)",
     "of the server suppressctl takes the pure rules only (docs/decisions/0007)"),
    (r"client/include/", GRPC, "an installed header includes no gRPC header"),
    (r"client/include/", GENERATED, "an installed header includes no generated header"),
    (r"client/include/", OURS, "an installed header includes installed headers only"),
)


def sources(top):
    for folder in FOLDERS:
        for directory, _, names in os.walk(os.path.join(top, folder)):
            for name in names:
                if name.endswith((".h", ".cc")):
                    yield os.path.relpath(os.path.join(directory, name), top)


def violations(path, text):
    """The rules that a source breaks, with the include that does."""
    for include in INCLUDE.findall(text):
        for where, forbidden, why in RULES:
            if re.match(where, path) and re.match(forbidden, include):
                yield f"{path}: includes {include}: {why}"


def self_check():
    """The rules catch what they are for."""
    for path, include in (("storage/a.cc", "grpcpp/grpcpp.h"), ("storage/a.cc", "server/a.h"),
                          ("server/bounces/rules/a.cc", "fstream"), ("server/bounces/rules/a.cc", "absl/time/clock.h"),
                          ("server/bounces/rules/a.cc", "server/bounces/mail/mime_mail.h"), ("server/bounces/mail/a.cc", "fstream"),
                          ("server/bounces/mail/a.cc", "absl/time/clock.h"), ("server/bounces/mail/a.cc", "spdlog/spdlog.h"),
                          ("server/bounces/mail/a.cc", "grpcpp/grpcpp.h"),
                          ("server/bounces/mail/a.cc", "suppressd/v1/suppression_service.grpc.pb.h"),
                          ("server/bounces/mail/a.cc", "storage/store.h"), ("server/bounces/mail/a.cc", "server/base/log.h"),
                          ("server/bounces/imports/a.cc", "fstream"), ("server/bounces/imports/a.cc", "absl/time/clock.h"),
                          ("server/bounces/imports/a.cc", "storage/canonical.h"),
                          ("server/bounces/imports/a.cc", "server/bounces/mail/mime_mail.h"),
                          ("server/admin/a.cc", "server/bounces/imports/list_file.h"),
                          ("server/access/a.cc", "grpcpp/grpcpp.h"), ("server/access/a.cc", "server/base/log.h"),
                          ("server/management/a.cc", "grpcpp/grpcpp.h"), ("server/management/a.cc", "server/rpc/call.h"),
                          ("client/internal/a.cc", "storage/store.h"), ("client/internal/a.cc", "server/bounces/rules/address.h"),
                          ("client/internal/a.cc", "server/bounces/mail/mime_mail.h"),
                          ("client/mocks/a.h", "client/suppressctl/text.h"),
                          ("client/suppressctl/a.cc", "server/list/report_plan.h"), ("client/suppressctl/a.cc", "server/base/log.h"),
                          ("client/suppressctl/a.cc", "storage/store.h"), ("client/suppressctl/a.cc", "tests/testing/a.h"),
                          ("client/include/suppressd/a.h", "server/bounces/rules/address.h"),
                          ("client/include/suppressd/a.h", "grpcpp/channel.h"),
                          ("client/include/suppressd/a.h", "suppressd/v1/bounce.pb.h")):
        if not list(violations(path, f'#include "{include}"\n')):
            raise AssertionError(f"no rule forbids {path} to include {include}")
    for path, include in (("storage/a.cc", "common/error.h"), ("server/bounces/rules/a.cc", "suppressd/v1/bounce.pb.h"),
                          ("server/a.cc", "storage/store.h"), ("server/bounces/rules/a.cc", "absl/strings/string_view.h"),
                          ("server/a.cc", "server/bounces/mail/bounce_mail.h"), ("server/bounces/mail/a.cc", "server/bounces/mail/mime_mail.h"),
                          ("server/bounces/mail/a.cc", "server/bounces/rules/classifier.h"), ("server/bounces/mail/a.cc", "gmime/gmime.h"),
                          ("server/bounces/mail/a.cc", "common/error.h"), ("server/bounces/mail/a.cc", "absl/time/time.h"),
                          ("client/suppressctl/a.cc", "server/bounces/rules/classifier.h"), ("client/suppressctl/a.cc", "fstream"),
                          ("client/suppressctl/a.cc", "server/bounces/mail/bounce_mail.h"),
                          ("client/suppressctl/a.cc", "server/bounces/imports/list_file.h"),
                          ("server/bounces/imports/a.cc", "server/bounces/rules/reply_text.h"),
                          ("server/bounces/imports/a.cc", "istream"),
                          ("client/suppressctl/a.cc", "client/internal/utf8.h"),
                          ("client/include/suppressd/a.h", "suppressd/types.h")):
        if list(violations(path, f'#include "{include}"\n')):
            raise AssertionError(f"a rule forbids {path} to include {include}")


def main():
    top = sys.argv[1]
    self_check()
    found, count = [], 0
    for path in sources(top):
        count += 1
        with open(os.path.join(top, path), encoding="utf-8") as source:
            found += violations(path, source.read())
    print("\n".join(sorted(found)) or f"{count} sources keep the layering")
    sys.exit(1 if found or count == 0 else 0)


if __name__ == "__main__":
    main()
