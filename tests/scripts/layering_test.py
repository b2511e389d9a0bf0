"""Who may include what: the dependency rules of docs/architecture.md, read off the includes.

  layering_test.py CHECKOUT
"""

import os
import re
import sys

FOLDERS = ("protos", "storage", "server", "client", "tests")
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.M)

GRPC = r"grpc|.*\.grpc\.pb\.h$"
GENERATED = r".*\.pb\.h$"
OURS = r"(protos|storage|server|client|tests)/"
IO_CLOCK_LOG = (r"(spdlog|rocksdb|grpc\w*)/|sys/|absl/(time/clock|log/|random)|"
                r"(fstream|iostream|cstdio|chrono|thread|ctime|random|filesystem|(unistd|fcntl|time|stdio)\.h)$")

# Sources, the includes they must not have, and why.
RULES = (
    (r"protos/", r"(storage|server|client|tests)/", "protos depends on nothing of ours"),
    (r"storage/", GRPC, "storage knows no gRPC"),
    (r"storage/", r"(server|client|tests)/", "storage depends on protos only"),
    (r"server/rules/", IO_CLOCK_LOG, "the rules are pure: no I/O, no clock, no logging"),
    (r"server/rules/", r"(storage|client|tests)/|server/(?!rules/)", "the rules depend on protos only"),
    (r"server/mail/", IO_CLOCK_LOG, "reading mails is pure: no I/O, no clock, no logging"),
    (r"server/mail/", GRPC, "reading mails knows no gRPC"),
    (r"server/mail/", r"(storage|client|tests)/|server/(?!(mail|rules)/)", "reading mails depends on rules and protos only"),
    (r"server/", r"tests/", "the server does not know its tests"),
    (r"client/(?!suppressctl/)", r"(storage|server|tests)/", "the client library depends on protos only"),
    (r"client/(?!suppressctl/)", r"client/suppressctl/", "the client library does not know suppressctl"),
    (r"client/suppressctl/", r"(storage|tests)/|server/(?!(mail|rules)/)",
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
                          ("server/rules/a.cc", "fstream"), ("server/rules/a.cc", "absl/time/clock.h"),
                          ("server/rules/a.cc", "server/mail/mime_mail.h"), ("server/mail/a.cc", "fstream"),
                          ("server/mail/a.cc", "absl/time/clock.h"), ("server/mail/a.cc", "spdlog/spdlog.h"),
                          ("server/mail/a.cc", "grpcpp/grpcpp.h"),
                          ("server/mail/a.cc", "suppression/v1/suppression_service.grpc.pb.h"),
                          ("server/mail/a.cc", "storage/store.h"), ("server/mail/a.cc", "server/log.h"),
                          ("client/internal/a.cc", "storage/store.h"), ("client/internal/a.cc", "server/rules/address.h"),
                          ("client/internal/a.cc", "server/mail/mime_mail.h"),
                          ("client/mocks/a.h", "client/suppressctl/text.h"),
                          ("client/suppressctl/a.cc", "server/report_plan.h"), ("client/suppressctl/a.cc", "server/log.h"),
                          ("client/suppressctl/a.cc", "storage/store.h"), ("client/suppressctl/a.cc", "tests/testing/a.h"),
                          ("client/include/suppression/a.h", "server/rules/address.h"),
                          ("client/include/suppression/a.h", "grpcpp/channel.h"),
                          ("client/include/suppression/a.h", "suppression/v1/bounce.pb.h")):
        if not list(violations(path, f'#include "{include}"\n')):
            raise AssertionError(f"no rule forbids {path} to include {include}")
    for path, include in (("storage/a.cc", "protos/error.h"), ("server/rules/a.cc", "suppression/v1/bounce.pb.h"),
                          ("server/a.cc", "storage/store.h"), ("server/rules/a.cc", "absl/strings/string_view.h"),
                          ("server/a.cc", "server/mail/bounce_mail.h"), ("server/mail/a.cc", "server/mail/mime_mail.h"),
                          ("server/mail/a.cc", "server/rules/classifier.h"), ("server/mail/a.cc", "gmime/gmime.h"),
                          ("server/mail/a.cc", "protos/error.h"), ("server/mail/a.cc", "absl/time/time.h"),
                          ("client/suppressctl/a.cc", "server/rules/classifier.h"), ("client/suppressctl/a.cc", "fstream"),
                          ("client/suppressctl/a.cc", "server/mail/bounce_mail.h"),
                          ("client/suppressctl/a.cc", "client/internal/utf8.h"),
                          ("client/include/suppression/a.h", "suppression/types.h")):
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
