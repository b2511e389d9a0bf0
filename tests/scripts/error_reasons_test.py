"""docs/api.md lists every ErrorReason with the status code that errors.proto gives it, and no other.

  error_reasons_test.py CHECKOUT
"""

import os
import re
import sys

PROTO = "protos/suppressd/v1/errors.proto"
DOCUMENT = "docs/api.md"


def read(top, path):
    with open(os.path.join(top, path), encoding="utf-8") as file:
        return file.read()


def declared(proto):
    """Reason to status code: the first word of the comment above each value."""
    found = re.findall(r"^  // ([A-Z_]+):(?:(?!^  [A-Z]).)*?^  ([A-Z_]+) = \d+;", proto, re.M | re.S)
    values = re.findall(r"^  ([A-Z_]+) = [1-9]\d*;", proto, re.M)
    codes = {reason: code for code, reason in found}
    if sorted(codes) != sorted(values):
        raise AssertionError(f"{PROTO}: no status code in the comment of {sorted(set(values) - set(codes))}")
    return codes


def documented(document):
    """Reason to status code: the first two columns of the table."""
    return dict(re.findall(r"^\| `([A-Z_]+)` \| ([A-Z_]+) \|", document, re.M))


def main():
    top = sys.argv[1]
    codes, table = declared(read(top, PROTO)), documented(read(top, DOCUMENT))
    problems = [f"{DOCUMENT} lacks {reason} ({codes[reason]})" for reason in codes if reason not in table]
    problems += [f"{DOCUMENT} lists {reason}, which {PROTO} does not have" for reason in table if reason not in codes]
    problems += [f"{DOCUMENT} says {table[reason]} of {reason}, {PROTO} says {codes[reason]}"
                 for reason in codes if reason in table and table[reason] != codes[reason]]
    print("\n".join(problems) or f"{len(codes)} error reasons are documented")
    sys.exit(1 if problems or not codes else 0)


if __name__ == "__main__":
    main()
