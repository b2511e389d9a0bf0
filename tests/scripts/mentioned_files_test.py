"""Files that comments and documents mention exist, and so do tests that docs/reliability.md names; decisions are numbered
without a gap.

  mentioned_files_test.py CHECKOUT
"""

import io
import os
import re
import sys
import tokenize

FOLDERS = ("protos", "common", "storage", "server", "client", "tests", "docs", "script", "helm", "cmake")
SKIPPED = ("tests/fuzz/corpus", "tests/rules/corpus", "build", ".tools")
SOURCES = (".cc", ".h", ".proto", ".py", ".md", ".txt", ".cmake", ".sh", ".yaml", ".yml", "")
RELIABILITY = "docs/reliability.md"

# A path below one of the folders, with or without extension; or a file's name.
PATH = re.compile(r"(?<![\w./$<{~*-])(?:(?P<path>(?:%s)/[\w./-]*\w)|(?P<name>(?:[\w.-]+/)*[\w-]+\.(?:cc|h|py|proto|md))(?![\w/]))"
                  % "|".join(FOLDERS))
# Names that are no files of ours, and whose they are.
NOT_OURS = {
    "sysexits.h": "the C library",
    "unicase.h": "libunistring",
    "suppressd/mocks/mock_connection.h": "client/mocks/mock_connection.h where it is installed",
}
# Parts of names that stand for another.
PLACEHOLDERS = ("NNNN", "NAME", "FILE")
# Words in backticks that are names of tests: of several words, maybe cut short.
TEST_NAME = re.compile(r"`((?=[A-Z]*[a-z])[A-Z][a-z]*(?:[A-Z][a-z0-9]*){2,})(…?)`|gtest_filter='\*?([A-Za-z]+)\*?'|`(test_\w+)`")


def files(top):
    for folder in FOLDERS + (".ci",):
        for directory, directories, names in os.walk(os.path.join(top, folder)):
            directories[:] = [name for name in directories if name not in ("__pycache__", "node_modules", "obj-cpp")]
            for name in names:
                yield os.path.relpath(os.path.join(directory, name), top)
    for name in os.listdir(top):
        if os.path.isfile(os.path.join(top, name)):
            yield name


def python_prose(text):
    """Comments and documentation of Python, with their line numbers."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT or token.string.startswith('"""'):
            for offset, line in enumerate(token.string.split("\n")):
                yield token.start[0] + offset, line


def prose(path, text):
    """What people read in a file: number and text of its lines."""
    if path.endswith(".py"):
        yield from python_prose(text)
        return
    marker = {".cc": "//", ".h": "//", ".proto": "//", ".md": None}.get(os.path.splitext(path)[1], "#")
    for number, line in enumerate(text.split("\n"), 1):
        if marker is None:
            yield number, line
        elif marker in line and not line.startswith("#include"):
            yield number, line.split(marker, 1)[1]


class Checkout:
    def __init__(self, top):
        self.top = top
        self.files = sorted(set(files(top)))
        self.known = set(self.files)
        for path in self.files:
            while path := os.path.dirname(path):
                self.known.add(path)
        self.ends = {path[i + 1:] for path in self.known for i, letter in enumerate(path) if letter == "/"}

    def text(self, path):
        try:
            with open(os.path.join(self.top, path), encoding="utf-8") as file:
                return file.read()
        except UnicodeDecodeError:
            return ""

    def has(self, mentioned, where):
        """Whether a path is there: from the top, from the file that mentions it, or by its last parts."""
        beside = os.path.normpath(os.path.join(os.path.dirname(where), mentioned))
        if mentioned in self.known or beside in self.known or mentioned in self.ends:
            return True
        if re.fullmatch(r"docs/decisions/\d{4}", mentioned):
            return any(path.startswith(mentioned + "-") for path in self.files)
        return f"{mentioned}.h" in self.known  # a pair of header and source

    def missing_files(self):
        for path in self.files:
            if path.startswith(SKIPPED) or os.path.splitext(path)[1] not in SOURCES:
                continue
            for number, line in prose(path, self.text(path)):
                for found in PATH.finditer(line):
                    mentioned = found.group(0)
                    if mentioned.startswith("_") or mentioned in NOT_OURS or any(word in mentioned for word in PLACEHOLDERS):
                        continue
                    if not self.has(mentioned, path):
                        yield f"{path}:{number}: there is no {mentioned}"

    def tests(self):
        """Names of suites and tests."""
        names = set()
        for path in self.files:
            if path.startswith("tests/") and path.endswith((".cc", ".h")):
                for pair in re.findall(r"^(?:TYPED_)?TEST(?:_[FP])?\((\w+),\s*(\w+)\)", self.text(path), re.M):
                    names.update(pair)
            if path.startswith("tests/") and path.endswith(".py"):
                names.update(re.findall(r"^\s*(?:def (?=test_)|class )(\w+)", self.text(path), re.M))
        return names

    def missing_tests(self):
        names = self.tests()
        for number, line in enumerate(self.text(RELIABILITY).split("\n"), 1):
            for whole, cut, part, function in TEST_NAME.findall(line):
                if whole and not cut and whole in names or function in names:
                    continue
                if whole and cut and any(name.startswith(whole) for name in names):
                    continue
                if part and any(part in name for name in names):
                    continue
                yield f"{RELIABILITY}:{number}: there is no test {whole or part or function}"

    def gaps(self):
        numbers = sorted(int(path[15:19]) for path in self.files if re.match(r"docs/decisions/\d{4}-", path))
        if numbers != list(range(1, len(numbers) + 1)):
            yield f"docs/decisions: the numbers are {numbers}, each once from 1 on is right"


def self_check():
    """It finds what it is for."""
    found = [match.group(0) for match in PATH.finditer(
        "see storage/store.h, `store_test.cc` and docs/decisions/0014; not $TOP/a.h or https://a.example/b.md")]
    if found != ["storage/store.h", "store_test.cc", "docs/decisions/0014"]:
        raise AssertionError(f"found {found}")
    if [line for _, line in prose("a.py", 'x = "storage/a.cc"  # see b.h\n')] != ["# see b.h"]:
        raise AssertionError("a text of Python was taken for prose")


def main():
    self_check()
    checkout = Checkout(sys.argv[1])
    problems = [*checkout.missing_files(), *checkout.missing_tests(), *checkout.gaps()]
    print("\n".join(problems) or f"what {len(checkout.files)} files mention is there")
    sys.exit(1 if problems or not checkout.tests() else 0)


if __name__ == "__main__":
    main()
