"""Policy file and rules file are read again on SIGHUP; a broken one is refused with file and line, the old one stays."""

import json
import os
import signal
import time
import unittest
from datetime import datetime

import harness

WAIT_MAX_SECONDS = 60


def policy(days):
    return f"default:\n  hard:\n    MAILBOX_FULL: {{action: suppress, expires_after_days: {days}}}\n"


def rules(name, example):
    return ("recipient:\n"
            f"  - {{id: {name}, match: plugh, class: SOFT, reason: MAILBOX_FULL,\n"
            f"     examples: [{example}]}}\n")


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


class Reload(unittest.TestCase):
    def expiry_days(self, server, address):
        """Reports a full mailbox and tells after how many days its suppression expires."""
        report = {"smtp_reply": {"recipient": address, "text": "552 5.2.2 mailbox full"}}
        answer = harness.grpcurl("-plaintext", "-d", json.dumps(report), server.tcp, f"{harness.SERVICE}/ReportBounce")
        self.assertEqual(answer.code, 0, str(answer))
        check = harness.grpcurl("-plaintext", "-d", json.dumps({"address": address}), server.tcp,
                                f"{harness.SERVICE}/IsSuppressed").json()[0]
        cause = check["matches"][0]["cause"]
        times = [datetime.fromisoformat(cause[name][:19]) for name in ("first_event_at", "expires_at")]
        return (times[1] - times[0]).days

    def verdict(self, server, address):
        """The verdict on a text that only a rule of one's own knows."""
        report = {"smtp_reply": {"recipient": address, "text": "550 plugh"}}
        answer = harness.grpcurl("-plaintext", "-d", json.dumps(report), server.tcp, f"{harness.SERVICE}/ReportBounce")
        self.assertEqual(answer.code, 0, str(answer))
        return answer.json()[0]["outcomes"][0]["verdict"]

    def reload(self, server, event, count):
        """Sends SIGHUP and waits until the log tells the outcome for the count-th time."""
        server.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + WAIT_MAX_SECONDS
        while server.log().count(event) < count:
            self.assertLess(time.monotonic(), deadline, f"no {event} in the log")
            time.sleep(0.02)

    def test_policy(self):
        with harness.TemporaryDirectory() as directory:
            path = os.path.join(directory, "policy.yaml")
            write(path, policy(10))
            with harness.Server("--policy_file", path) as server:
                self.assertEqual(self.expiry_days(server, "a@example.com"), 10)
                write(path, policy(20))
                self.reload(server, "policy_reloaded", 1)
                self.assertEqual(self.expiry_days(server, "b@example.com"), 20)
                write(path, policy("many"))
                self.reload(server, "policy_refused", 1)
                self.assertIn(f"{path}:3", server.log())
                self.assertEqual(self.expiry_days(server, "c@example.com"), 20)

    def test_rules(self):
        with harness.TemporaryDirectory() as directory:
            path = os.path.join(directory, "rules.yaml")
            write(path, rules("mine.old", "550 plugh"))
            with harness.Server("--rules_file", path) as server:
                old = self.verdict(server, "a@example.com")
                self.assertEqual(old["rule_id"], "mine.old")
                self.assertRegex(old["rule_set_version"], r"^builtin-[0-9a-f]{16}\+rules-[0-9a-f]{16}$")
                write(path, rules("mine.new", "550 plugh"))
                self.reload(server, "rules_reloaded", 1)
                new = self.verdict(server, "b@example.com")
                self.assertEqual(new["rule_id"], "mine.new")
                self.assertNotEqual(new["rule_set_version"], old["rule_set_version"])
                write(path, rules("mine.broken", "550 user unknown"))
                self.reload(server, "rules_refused", 1)
                self.assertRegex(server.log(), rf"{path}:3: example of rule mine\.broken is taken by rule \S+ instead")
                os.remove(path)
                self.reload(server, "rules_refused", 2)
                self.assertEqual(self.verdict(server, "c@example.com"), new)


if __name__ == "__main__":
    harness.main()
