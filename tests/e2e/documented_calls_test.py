"""Every grpcurl line of README.md and docs/api.md works as printed there, and answers what is printed there.

A line counts when it starts with `grpcurl ` inside a code block; a backslash at its end or an open quote continues
it. The documents' standing targets localhost:7025 and /run/suppressd/suppressd.sock stand for a fresh server, one per
document; the lines run in order. Behind a line:

  # fails: WORD        the call must fail, and WORD (a reason or a gRPC code) must be in what it prints
  {...}                JSON right below the line: the answer must contain all of it; an ellipsis at the end of a text
                       stands for any rest, and as the last item of a list for any further items
  $TOKEN, $PAGE_TOKEN  the revision_token and the next_page_token last answered
  $(base64 -w0 NAME)   the code block whose fence names it: ```eml NAME
"""

import base64
import json
import os
import re
import shlex
import unittest

import harness

ELLIPSIS = "…"


class Call:
    """A grpcurl line of a document and what the document says of it."""

    def __init__(self, where, command):
        self.where = where
        failure = re.search(r"# fails: (\S+)\s*$", command)
        self.failure = failure.group(1) if failure else None
        self.words = shlex.split(command, comments=True)[1:]
        self.answer = None

    def arguments(self, server, last):
        known = {"localhost:7025": server.tcp, "/run/suppressd/suppressd.sock": server.unix,
                 "$TOKEN": last["revision_token"], "$PAGE_TOKEN": last["next_page_token"]}
        words = []
        for word in self.words:
            for name, value in known.items():
                word = word.replace(name, value)
            words.append(word)
        return words


def continues(line):
    """Whether a command goes on in the next line: a backslash at the end, or an open quote."""
    try:
        shlex.split(line.removesuffix("\\"), comments=True)
    except ValueError:
        return True
    return line.endswith("\\")


def calls_of(path):
    """The calls of a document, in order."""
    with open(os.path.join(harness.REPOSITORY, path), encoding="utf-8") as document:
        text = document.read()
    files = dict(re.findall(r"^```\w+ (\S+)\n(.*?)^```$", text, re.M | re.S))
    text = re.sub(r"\$\(base64 -w0 ([^)]+)\)", lambda m: base64.b64encode(files[m.group(1)].encode()).decode(), text)
    lines = text.splitlines()
    calls, fenced, index = [], False, 0
    while index < len(lines):
        line, where = lines[index], f"{path}:{index + 1}"
        index += 1
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif fenced and line.startswith("grpcurl "):
            while continues(line):
                line = (line[:-1] if line.endswith("\\") else line) + " " + lines[index].strip()
                index += 1
            calls.append(Call(where, line))
            if lines[index].startswith("{") and calls[-1].failure is None:
                calls[-1].answer = json.JSONDecoder().raw_decode("\n".join(lines[index:]))[0]
    return calls


def differences(expected, actual, at="answer"):
    """Where an answer does not contain what is expected of it."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        return [d for key, value in expected.items() for d in differences(value, actual.get(key), f"{at}.{key}")]
    if isinstance(expected, list) and isinstance(actual, list):
        if expected[-1:] == [ELLIPSIS]:
            expected, actual = expected[:-1], actual[:len(expected) - 1]
        if len(expected) != len(actual):
            return [f"{at}: {len(expected)} items documented, {len(actual)} answered"]
        return [d for i, value in enumerate(expected) for d in differences(value, actual[i], f"{at}[{i}]")]
    if isinstance(expected, str) and expected.endswith(ELLIPSIS):
        if isinstance(actual, str) and actual.startswith(expected[:-1]):
            return []
    return [] if expected == actual else [f"{at}: documented {expected!r}, answered {actual!r}"]


class DocumentedCalls(unittest.TestCase):
    def test_readme(self):
        self.run_all("README.md")

    def test_api(self):
        self.run_all("docs/api.md")

    def run_all(self, path):
        calls = calls_of(path)
        self.assertTrue(calls, f"{path} has no grpcurl line in a code block")
        last = {"revision_token": "", "next_page_token": ""}
        with harness.Server() as server:
            for call in calls:
                with self.subTest(where=call.where):
                    self.run_one(call, server, last)

    def run_one(self, call, server, last):
        outcome = harness.grpcurl(*call.arguments(server, last))
        shown = f"{call.where}\n{outcome}"
        if call.failure is not None:
            self.assertNotEqual(outcome.code, 0, shown)
            self.assertIn(call.failure, outcome.out + outcome.err, shown)
            return
        self.assertEqual(outcome.code, 0, shown)
        answers = outcome.json() if outcome.out.lstrip().startswith("{") else []
        for key in last:
            last[key] = answers[-1].get(key, last[key]) if answers else last[key]
        if call.answer is not None:
            self.assertEqual(differences(call.answer, answers[0] if answers else None), [], shown)


if __name__ == "__main__":
    harness.main()
