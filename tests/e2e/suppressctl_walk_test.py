"""suppressctl against a real server: every command, what it prints and what it exits with."""

import json
import os
import unittest

import harness

DONE, FINDING, FAILED = 0, 1, 2
GONE = "550 5.1.1 <ada@example.com>: Recipient address rejected: User unknown in virtual mailbox table"
REQUEST_ID = "7b0d2c9e-1f57-4f4e-8a52-8d2f5a1e0001"


class Commands(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(harness.Server())

    def setUp(self):
        self.tenant = self._testMethodName.replace("test_", "")[:60]

    def run_ctl(self, exit_code, *arguments, stdin="", target=None):
        outcome = harness.suppressctl("--target", target or self.server.tcp, "--tenant", self.tenant, *arguments,
                                      stdin=stdin)
        self.assertEqual(outcome.code, exit_code, f"suppressctl {' '.join(arguments)}\n{outcome}")
        return outcome

    def ask(self, *arguments, exit_code=DONE, stdin=""):
        """The JSON answer of a command."""
        return self.run_ctl(exit_code, "-o", "json", *arguments, stdin=stdin).json()[0]

    def bounce(self, recipient="ada@example.com", *arguments):
        return self.ask("report", "--recipient", recipient, "--code", "550", "--enhanced", "5.1.1", "--stage", "RCPT",
                        "--remote_mta", "mx.example.com", "--text", GONE, "--source", "newsletter", *arguments)

    def test_check_exits_by_what_it_found(self):
        self.assertIn("no", self.run_ctl(DONE, "check", "ada@example.com").out)
        self.bounce()
        self.assertIn("HARD_BOUNCE ADDRESS_NOT_FOUND", self.run_ctl(FINDING, "check", "Ada@EXAMPLE.com").out)
        mixed = self.run_ctl(FINDING, "check", "bob@example.com", "ada@example.com").out.splitlines()
        self.assertEqual([line.split()[:2] for line in mixed[1:]],
                         [["bob@example.com", "no"], ["ada@example.com", "yes"]])
        self.assertIn("INVALID_ADDRESS", self.run_ctl(FAILED, "check", "no address").out)
        self.run_ctl(FAILED, "check", "ada@example.com", "no address")

    def test_check_reads_addresses_from_standard_input(self):
        self.bounce()
        answer = self.ask("check", "-", exit_code=FINDING, stdin="# a list\n\nbob@example.com\r\nada@example.com\n")
        self.assertEqual([(r["address"], r["suppressed"]) for r in answer["results"]],
                         [("bob@example.com", False), ("ada@example.com", True)])

    def test_report_says_what_a_reply_was_taken_for(self):
        answer = self.bounce("ada@example.com", "--request_id", REQUEST_ID)
        outcome = answer["outcomes"][0]
        self.assertEqual((outcome["verdict"]["bounceClass"], outcome["verdict"]["reason"], outcome["effect"]),
                         ("HARD", "ADDRESS_NOT_FOUND", "SUPPRESSED"))
        self.assertTrue(self.bounce("ada@example.com", "--request_id", REQUEST_ID)["duplicate"])
        refused = self.run_ctl(FAILED, "report", "--recipient", "bob@example.com", "--code", "550", "--request_id",
                               REQUEST_ID)
        self.assertIn("REQUEST_ID_REUSED", refused.err)

    def test_report_takes_a_file_and_goes_on_after_a_bad_line(self):
        lines = (f"ada@example.com\t550\t5.1.1\tRCPT\tmx.example.com\t{GONE}\n"
                 "# a comment\n"
                 "no address\t550\t-\t-\t-\t550 no such user\n"
                 "bob@example.com\t552\t5.2.2\tRCPT\t-\t552 5.2.2 mailbox is over quota\n")
        with harness.TemporaryDirectory() as directory:
            path = os.path.join(directory, "replies.tsv")
            with open(path, "w", encoding="utf-8") as file:
                file.write(lines)
            outcome = self.run_ctl(FAILED, "report", "--file", path)
        self.assertIn("line 3: INVALID_ADDRESS", outcome.err)
        self.assertIn("reported 2, failed 1", outcome.err)
        self.assertEqual([line.split("\t")[:3] for line in outcome.out.splitlines()],
                         [["ada@example.com", "HARD", "ADDRESS_NOT_FOUND"],
                          ["bob@example.com", "HARD", "MAILBOX_FULL"]])
        self.run_ctl(FAILED, "report", "--file", "/nonexistent/replies.tsv")

    def test_report_takes_a_complaint(self):
        answer = self.ask("report", "--recipient", "ada@example.com", "--complaint", "abuse", "--stream", "marketing")
        self.assertEqual(answer["outcomes"][0]["verdict"]["bounceClass"], "COMPLAINT")
        self.run_ctl(FINDING, "check", "--stream", "marketing", "ada@example.com")
        self.run_ctl(DONE, "check", "--stream", "receipts", "ada@example.com")

    def test_list_pages_filters_and_counts(self):
        for number in range(5):
            self.bounce(f"a{number}@example.com")
        self.run_ctl(DONE, "suppress", "--domain", "example.edu", "--note", "asked by its postmaster")
        self.assertEqual(len(self.ask("list", "--all")["suppressions"]), 6)
        by_address = self.ask("list", "--order", "BY_ADDRESS", "--limit", "2")
        self.assertEqual([s["address"] for s in by_address["suppressions"]],
                         ["a0@example.com", "a1@example.com"])
        first = self.ask("list", "--limit", "4")
        rest = self.ask("list", "--limit", "4", "--page_token", first["nextPageToken"])
        self.assertEqual(len({s["address"] for s in first["suppressions"] + rest["suppressions"]}), 6)
        self.assertEqual([s["address"] for s in self.ask("list", "--type", "MANUAL")["suppressions"]], ["@example.edu"])
        table = self.run_ctl(DONE, "list", "--domain", "example.com", "--counts").out
        self.assertRegex(table, r"(?m)^ADDRESS_NOT_FOUND +5$")
        self.assertRegex(table, r"(?m)^TOTAL +5$")
        self.assertIn("INVALID_PAGE_TOKEN", self.run_ctl(FAILED, "list", "--page_token", "garbled").err)

    def test_details_show_the_exact_text(self):
        self.assertIn("SUPPRESSION_NOT_FOUND", self.run_ctl(FINDING, "details", "ada@example.com").err)
        self.bounce()
        shown = self.run_ctl(DONE, "details", "ada@example.com").out
        for text in ("ada@example.com: suppressed", GONE, "mx.example.com", "newsletter", "meaning:", "needs NOTE"):
            self.assertIn(text, shown)
        self.assertEqual(self.ask("details", "ada@example.com")["events"][0]["diagnostic"], GONE)

    def test_reactivate_needs_a_note_and_says_what_still_blocks(self):
        self.bounce()
        self.ask("report", "--recipient", "ada@example.com", "--complaint", "abuse")
        self.run_ctl(FAILED, "reactivate", "ada@example.com")
        lifted = self.run_ctl(DONE, "reactivate", "ada@example.com", "--note", "restored", "--actor", "helpdesk")
        self.assertIn("reactivated, still suppressed by COMPLAINT", lifted.out)
        refused = self.run_ctl(FAILED, "reactivate", "ada@example.com", "--note", "x", "--cause", "COMPLAINT")
        self.assertIn("CONSENT_REQUIRED", refused.err)
        self.assertIn("nothing to lift", self.run_ctl(DONE, "reactivate", "ada@example.com", "--note", "again").out)
        self.assertIn("SUPPRESSION_NOT_FOUND", self.run_ctl(FAILED, "reactivate", "bob@example.com", "--note", "x").err)

    def test_suppress_until_a_time(self):
        self.assertIn("suppressed", self.run_ctl(DONE, "suppress", "ada@example.com", "--note", "asked us", "--expires",
                                                 "30d", "--actor", "ops").out)
        cause = self.ask("details", "ada@example.com")["suppression"]["causes"][0]
        self.assertEqual((cause["type"], cause["note"]), ("MANUAL", "asked us"))
        self.assertTrue(cause["expiresAt"])
        self.run_ctl(FAILED, "suppress", "ada@example.com")
        self.run_ctl(FAILED, "suppress", "ada@example.com", "--note", "x", "--type", "HARD_BOUNCE")

    def test_watch_ends_after_so_many_changes(self):
        start = self.ask("check", "ada@example.com")["token"]
        self.bounce("ada@example.com")
        self.bounce("bob@example.com")
        outcome = self.run_ctl(DONE, "-o", "json", "watch", "--after", start, "--count", "2")
        steps = [json.loads(line) for line in outcome.out.splitlines()]
        self.assertEqual([s["suppressions"][0]["address"] for s in steps], ["ada@example.com", "bob@example.com"])
        self.assertIn("INVALID_TOKEN", self.run_ctl(FAILED, "watch", "--after", "garbled").err)

    def test_status_tells_reads_from_writes(self):
        answer = self.ask("status")
        self.assertEqual((answer["server"], answer["reads"], answer["writes"]), ("SERVING", "SERVING", "SERVING"))
        self.assertTrue(answer["token"])
        self.run_ctl(DONE, "status", target="unix:" + self.server.unix)

    def test_a_server_that_is_not_there_is_an_error(self):
        with harness.TemporaryDirectory() as directory:
            nowhere = "unix:" + os.path.join(directory, "nowhere.sock")
            for command in (["check", "ada@example.com"], ["status"], ["list"]):
                outcome = self.run_ctl(FAILED, "--timeout", "1s", *command, target=nowhere)
                self.assertEqual(outcome.err.count("\n"), 1, str(outcome))
                self.assertIn("is suppressd running there?", outcome.err)

    def test_bad_usage_is_an_error(self):
        for arguments in ([], ["no_such_command"], ["check"], ["list", "--reason", "NO_SUCH"], ["list", "--limit", "0"],
                          ["check", "ada@example.com", "--no_such_option"]):
            outcome = self.run_ctl(FAILED, *arguments)
            self.assertEqual((outcome.out, outcome.err.count("\n")), ("", 1), str(outcome))

    def test_help_and_version(self):
        self.assertIn("reactivate", self.run_ctl(DONE, "--help").out)
        self.assertRegex(self.run_ctl(DONE, "--version").out, r"\d+\.\d+\.\d+")


if __name__ == "__main__":
    harness.main()
