"""The policy file is read again on SIGHUP; a broken one is refused with file and line while the old policy stays."""

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


class PolicyReload(unittest.TestCase):
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

    def reload(self, server, event, count):
        """Sends SIGHUP and waits until the log tells the outcome for the count-th time."""
        server.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + WAIT_MAX_SECONDS
        while server.log().count(event) < count:
            self.assertLess(time.monotonic(), deadline, f"no {event} in the log")
            time.sleep(0.02)

    def test_reload(self):
        with harness.TemporaryDirectory() as directory:
            path = os.path.join(directory, "policy.yaml")

            def write(text):
                with open(path, "w", encoding="utf-8") as file:
                    file.write(text)

            write(policy(10))
            with harness.Server("--policy_file", path) as server:
                self.assertEqual(self.expiry_days(server, "a@example.com"), 10)
                write(policy(20))
                self.reload(server, "policy_reloaded", 1)
                self.assertEqual(self.expiry_days(server, "b@example.com"), 20)
                write(policy("many"))
                self.reload(server, "policy_refused", 1)
                self.assertIn(f"{path}:3", server.log())
                self.assertEqual(self.expiry_days(server, "c@example.com"), 20)


if __name__ == "__main__":
    harness.main()
