"""The walk of script/demo, with suppressctl inside of pods: reported, checked, listed, explained, reactivated."""

import os
import re

import cluster

SCRIPTS = os.path.join(cluster.REPOSITORY, "script")


def read(name):
    with open(os.path.join(SCRIPTS, name), encoding="utf-8") as file:
        return file.read()


def expected_verdicts(replies):
    """[recipient, class, reason] of each reply, from the comments above them."""
    verdicts, expected = [], None
    for line in replies.splitlines():
        found = re.match(r"# expect (\w+)(?: ([A-Z_]+))?", line)
        if found:
            expected = [found[1], found[2] or "BOUNCE_REASON_UNSPECIFIED"]
        elif line and not line.startswith("#"):
            verdicts.append([line.split("\t")[0], *expected])
    return verdicts


class Demo:
    """`server` is called as server(exit_code, *arguments, stdin="") and returns what suppressctl printed."""

    def __init__(self, server):
        self.server = server

    def step(self, code, pattern, *arguments, stdin=""):
        answer = self.server(code, *arguments, stdin=stdin)
        if not re.search(pattern, answer):
            raise cluster.Failed(f"suppressctl {' '.join(arguments)}: the answer has no {pattern}:\n{answer}")
        return answer

    def walk(self):
        replies = read("demo_replies.tsv")
        verdicts = expected_verdicts(replies)
        self.step(0, r"ada@example\.com +no", "check", "ada@example.com")
        answer = self.step(0, f"reported {len(verdicts)}, failed 0", "report", "--file", "-", "--source", "newsletter",
                           stdin=replies)
        rows = [line.split("\t")[:3] for line in answer.splitlines() if line.count("\t") >= 3]
        if rows != verdicts:
            raise cluster.Failed(f"taken for something else: expected {verdicts}, answered {rows}")
        self.report_mail_and_event()
        self.step(1, "yes +HARD_BOUNCE ADDRESS_NOT_FOUND", "check", "<Ada@EXAMPLE.com>")
        self.step(0, r"karen@example\.com +no", "check", "karen@example.com", "edith@example.com")
        self.step(0, "TOTAL +15", "list", "--counts")
        self.step(0, r"radia@example\.net", "list", "--reason", "MAILBOX_FULL")
        self.step(0, "The email account that you tried to reach does not exist", "details", "ada@example.com")
        self.step(0, "reactivated, not suppressed", "reactivate", "ada@example.com", "--note",
                  "mailbox restored, ticket 4711", "--on_behalf_of", "helpdesk")
        self.step(0, r"ada@example\.com +no", "check", "ada@example.com")
        self.step(0, "mailbox restored, ticket 4711", "details", "ada@example.com")
        self.step(0, "SERVING +SERVING +SERVING", "status")

    def report_mail_and_event(self):
        mail, event = read("demo_bounce.eml"), read("demo_ses_event.json")
        self.step(0, r"evelyn@example\.org.HARD.MAILBOX_INACTIVE.SUPPRESSED", "report", "--mail", "-", "--source",
                  "bounces", stdin=mail)
        report = ("report", "--webhook", "ses", "--file", "-", "--source", "gateway")
        self.step(0, r"mileva@example\.net +HARD +ADDRESS_NOT_FOUND +SUPPRESSED .* no +ses:", *report, stdin=event)
        self.step(0, r"mileva@example\.net .* yes +ses:", *report, stdin=event)
