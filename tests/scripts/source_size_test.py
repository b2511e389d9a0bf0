"""Sources stay readable: files under 400 lines, main() under 60. One with a reason to be longer is listed here.

  source_size_test.py CHECKOUT
"""

import os
import re
import sys

FOLDERS = ("protos", "common", "storage", "server", "client")
FILE_MAX_LINES = 400
MAIN_MAX_LINES = 60

# Path and why.
LONGER_FOR_A_REASON = {}


def main_lines(text):
    """The length of main(), 0 when there is none. Its closing brace stands in the first column."""
    found = re.search(r"^int main\(.*?^}", text, re.M | re.S)
    return found.group(0).count("\n") + 1 if found else 0


def main():
    top = sys.argv[1]
    too_long, count = [], 0
    for folder in FOLDERS:
        for directory, _, names in os.walk(os.path.join(top, folder)):
            for name in names:
                path = os.path.relpath(os.path.join(directory, name), top)
                if not name.endswith((".h", ".cc")):
                    continue
                count += 1
                with open(os.path.join(top, path), encoding="utf-8") as source:
                    text = source.read()
                lines = text.count("\n")
                if lines >= FILE_MAX_LINES and path not in LONGER_FOR_A_REASON:
                    too_long.append(f"{path}: {lines} lines, under {FILE_MAX_LINES} is the aim")
                if main_lines(text) > MAIN_MAX_LINES:
                    too_long.append(f"{path}: main() has {main_lines(text)} lines, at most {MAIN_MAX_LINES} is the aim")
    print("\n".join(sorted(too_long)) or f"{count} sources are short enough")
    sys.exit(1 if too_long or count == 0 else 0)


if __name__ == "__main__":
    main()
