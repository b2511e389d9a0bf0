"""suppressctl against a real server: every command, what it prints and what it exits with."""

import json
import os
import unittest

import harness
import reports

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
        failed = self.ask("check", "ada@example.com", "no address", exit_code=FAILED)["results"]
        self.assertEqual([r["answer"] for r in failed], ["SUPPRESSED", "FAILED"])
        self.assertEqual(failed[1]["error"]["reason"], "INVALID_ADDRESS")
        self.assertTrue(failed[1]["error"]["message"])

    def test_check_reads_addresses_from_standard_input(self):
        self.bounce()
        answer = self.ask("check", "-", exit_code=FINDING, stdin="# a list\n\nbob@example.com\r\nada@example.com\n")
        self.assertEqual([(r["address"], r["answer"]) for r in answer["results"]],
                         [("bob@example.com", "NOT_SUPPRESSED"), ("ada@example.com", "SUPPRESSED")])
        self.assertEqual(["matches" in r for r in answer["results"]], [False, True])
        self.assertTrue(answer["revisionToken"])

    def test_check_names_the_domain_that_is_on_the_list(self):
        self.run_ctl(DONE, "suppress", "--domain", "Example.edu", "--note", "asked by its postmaster")
        answer = self.ask("check", "anyone@example.edu", exit_code=FINDING)["results"][0]
        self.assertEqual((answer["answer"], answer["matches"][0]["matchedDomain"]), ("SUPPRESSED", "example.edu"))
        self.assertIn("MANUAL (whole domain)", self.run_ctl(FINDING, "check", "anyone@example.edu").out)
        self.run_ctl(FINDING, "details", "anyone@example.edu")
        self.assertEqual(self.ask("details", "--domain", "example.edu")["suppression"]["domain"], "example.edu")

    def test_report_says_what_a_reply_was_taken_for(self):
        answer = self.bounce("ada@example.com", "--request_id", REQUEST_ID)
        outcome = answer["outcomes"][0]
        self.assertEqual((outcome["verdict"]["bounceClass"], outcome["verdict"]["reason"], outcome["effect"]),
                         ("HARD", "ADDRESS_NOT_FOUND", "SUPPRESSED"))
        self.assertEqual(answer["durability"], "AT_SERVER")
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

    def test_report_takes_mails_and_goes_on_after_a_bad_one(self):
        mails = {"1.eml": reports.delivery_status("ada@example.org", "bob@example.org"), "2.eml": "",
                 "3.eml": reports.VACATION, "box/4.mbox": "From a Mon Mar  2 09:15:07 2026\n" +
                 reports.feedback_report("carol@example.org") + "\nFrom b Mon Mar  2 09:15:08 2026\n" +
                 reports.delivery_status("dan@example.org", status="4.2.2", diagnostic=reports.OVER_QUOTA)}
        rows = [["1.eml", "DELIVERY_STATUS", "ada@example.org", "HARD", "ADDRESS_NOT_FOUND", "SUPPRESSED"],
                ["1.eml", "DELIVERY_STATUS", "bob@example.org", "HARD", "ADDRESS_NOT_FOUND", "SUPPRESSED"],
                ["3.eml", "AUTO_REPLY", "-", "-", "-", "-"],
                ["box/4.mbox", "FEEDBACK_REPORT", "carol@example.org", "COMPLAINT", "BOUNCE_REASON_UNSPECIFIED",
                 "SUPPRESSED"],
                # Of March, as it says itself: too late to count.
                ["box/4.mbox#2", "DELIVERY_STATUS", "dan@example.org", "SOFT", "MAILBOX_FULL", "RECORDED"]]
        with harness.TemporaryDirectory() as directory:
            os.mkdir(os.path.join(directory, "box"))
            for name, text in mails.items():
                with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
                    file.write(text)
            report = ["report", "--mail", directory, "--event_id", "run7"]
            first = self.run_ctl(FAILED, *report)
            self.assertEqual([line.split("\t") for line in first.out.splitlines()], rows)
            self.assertIn("suppressctl: 2.eml: ", first.err)
            self.assertIn("reported 4, failed 1", first.err)
            self.assertEqual(self.run_ctl(FAILED, *report).out, first.out)
        self.assertEqual(len(self.ask("details", "dan@example.org")["events"]), 1)
        event = self.ask("details", "ada@example.org")["events"][0]
        self.assertEqual((event["kind"], event["messageId"], event["mailSentAt"]),
                         ("DELIVERY_STATUS", "<march-17@mail.example.com>", "2026-03-02T09:15:00Z"))
        self.assertIn("report:      DELIVERY_STATUS", self.run_ctl(DONE, "details", "ada@example.org").out)

    def test_report_takes_a_mail_from_standard_input(self):
        mail = reports.delivery_status("ada@example.org").replace("\n", "\r\n")
        answer = self.ask("report", "--mail", "-", "--stream", "news", "--source", "bouncer", stdin=mail)
        self.assertEqual((answer["reported"], answer["failed"]), (1, 0))
        self.assertEqual(answer["reports"][0]["outcomes"][0]["effect"], "SUPPRESSED")
        event = self.ask("details", "ada@example.org")["events"][0]
        self.assertEqual((event["stream"], event["source"]), ("news", "bouncer"))
        self.assertIn("NOT_A_MESSAGE", self.run_ctl(FAILED, "report", "--mail", "-", stdin="\n\n").err)
        nobody = self.run_ctl(FAILED, "report", "--mail", "-", stdin=reports.delivery_status())
        self.assertIn("NO_RECIPIENT", nobody.err)

    def test_report_takes_a_mail_of_any_size(self):
        mail = reports.delivery_status("ada@example.org") + "x" * (6 << 20)
        outcome = self.run_ctl(DONE, "report", "--mail", "-", stdin=mail)
        self.assertIn("ada@example.org\tHARD", outcome.out)
        self.assertIn("its end was not read", outcome.err)
        self.assertTrue(self.ask("details", "ada@example.org")["events"][0]["truncated"])

    def test_report_takes_a_webhook_payload_once(self):
        report = ["report", "--webhook", "ses", "--signature_verified", "--file", "-"]
        payload = reports.ses_bounce("ada@example.org", feedback_id="walk-1")
        self.assertRegex(self.run_ctl(DONE, *report, stdin=payload).out, r"SUPPRESSED +user.unknown +no +ses:walk-1")
        self.assertRegex(self.run_ctl(DONE, *report, stdin=payload).out, r"SUPPRESSED +user.unknown +yes +ses:walk-1")
        events = self.ask("details", "ada@example.org")["events"]
        self.assertEqual([(e["provider"], e["kind"], e["signatureVerified"]) for e in events],
                         [("ses", "PROVIDER_WEBHOOK", True)])
        self.assertIn("provider:    ses, signature verified", self.run_ctl(DONE, "details", "ada@example.org").out)

    def test_an_event_that_cannot_be_taken_fails_alone(self):
        payload = reports.sendgrid_events(("ada@example.org", "1"), ("no address", "2"))
        outcome = self.run_ctl(FAILED, "report", "--webhook", "sendgrid", "--file", "-", stdin=payload)
        self.assertRegex(outcome.out, r"(?m)^ada@example.org +HARD")
        self.assertRegex(outcome.out, r"(?m)^- +ERROR +INVALID_ADDRESS .* sendgrid:2$")
        self.assertIn("1 of 2 events not taken (INVALID_ADDRESS)", outcome.err)
        for provider, body, reason in (("carrier-pigeon", "{}", "UNKNOWN_PROVIDER"), ("ses", "not JSON", "MALFORMED_PAYLOAD")):
            refused = self.run_ctl(FAILED, "report", "--webhook", provider, "--file", "-", stdin=body)
            self.assertIn(reason, refused.err)

    def test_classify_and_explain_need_no_server(self):
        with harness.TemporaryDirectory() as directory:
            nowhere = "unix:" + os.path.join(directory, "nowhere.sock")
            mail = reports.delivery_status("ada@example.org")
            rows = self.run_ctl(DONE, "-o", "tsv", "classify", "-", stdin=mail, target=nowhere).out.splitlines()
            self.assertEqual(rows[1:], ["-\tada@example.org\tHARD\tADDRESS_NOT_FOUND\tyes"])
            row = self.run_ctl(DONE, "-o", "json", "classify", stdin=mail, target=nowhere).json()[0]
            explained = self.run_ctl(DONE, "explain", row["ruleId"], target=nowhere).out
            self.assertIn("ADDRESS_NOT_FOUND", explained)
            self.assertIn(row["ruleId"], self.run_ctl(DONE, "explain", target=nowhere).out)
            self.run_ctl(FAILED, "explain", "no.such.rule", target=nowhere)

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
        self.assertEqual(len({s.get("address", s.get("domain")) for s in first["suppressions"] + rest["suppressions"]}), 6)
        self.assertEqual([s["domain"] for s in self.ask("list", "--type", "MANUAL")["suppressions"]], ["example.edu"])
        several = self.ask("list", "--type", "MANUAL,HARD_BOUNCE", "--reason", "ADDRESS_NOT_FOUND,MAILBOX_FULL", "--counts")
        self.assertEqual(len(several["suppressions"]), 5)
        self.assertEqual(several["counts"]["totalCount"], "5")
        self.assertEqual(several["counts"]["reasons"], [{"reason": "ADDRESS_NOT_FOUND", "entryCount": "5"}])
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
        answer = self.ask("details", "ada@example.com")
        self.assertEqual(answer["events"][0]["diagnostic"], GONE)
        self.assertTrue(answer["suppressed"] and answer["suppressedInAnyStream"])
        explained = answer["causes"][0]
        self.assertEqual((explained["cause"]["type"], explained["cause"]["eventCount"]), ("HARD_BOUNCE", "1"))
        self.assertEqual((explained["canReactivate"], explained["requirements"]), (True, ["NOTE"]))

    def test_reactivate_needs_a_note_and_says_what_still_blocks(self):
        self.bounce()
        self.ask("report", "--recipient", "ada@example.com", "--complaint", "abuse")
        self.run_ctl(FAILED, "reactivate", "ada@example.com")
        lifted = self.run_ctl(DONE, "reactivate", "ada@example.com", "--note", "restored", "--on_behalf_of", "helpdesk")
        self.assertIn("reactivated, still suppressed by COMPLAINT", lifted.out)
        reactivation = self.ask("details", "ada@example.com")["suppression"]["causes"][0]["reactivation"]
        self.assertTrue(reactivation.pop("reactivatedAt"))
        self.assertEqual(reactivation, {"onBehalfOf": "helpdesk", "note": "restored"})
        refused = self.run_ctl(FAILED, "reactivate", "ada@example.com", "--note", "x", "--cause", "COMPLAINT")
        self.assertIn("CONSENT_REQUIRED", refused.err)
        self.assertIn("nothing to lift", self.run_ctl(DONE, "reactivate", "ada@example.com", "--note", "again").out)
        self.assertIn("SUPPRESSION_NOT_FOUND", self.run_ctl(FAILED, "reactivate", "bob@example.com", "--note", "x").err)

    def test_suppress_until_a_time(self):
        self.assertIn("suppressed", self.run_ctl(DONE, "suppress", "ada@example.com", "--note", "asked us", "--expires",
                                                 "30d", "--on_behalf_of", "ops").out)
        cause = self.ask("details", "ada@example.com")["suppression"]["causes"][0]
        self.assertEqual((cause["type"], cause["note"], cause["onBehalfOf"]), ("MANUAL", "asked us", "ops"))
        self.assertTrue(cause["expiresAt"])
        self.run_ctl(FAILED, "suppress", "ada@example.com")
        self.run_ctl(FAILED, "suppress", "ada@example.com", "--note", "x", "--type", "HARD_BOUNCE")

    def test_watch_ends_after_so_many_changes(self):
        start = self.ask("check", "ada@example.com")["revisionToken"]
        self.bounce("ada@example.com")
        self.bounce("bob@example.com")
        outcome = self.run_ctl(DONE, "-o", "json", "watch", "--after", start, "--count", "2")
        steps = [json.loads(line) for line in outcome.out.splitlines()]
        self.assertEqual([[(c["kind"], c["suppression"]["address"]) for c in step["changes"]] for step in steps],
                         [[("UPDATED", "ada@example.com")], [("UPDATED", "bob@example.com")]])
        self.assertTrue(all(step["revisionToken"] for step in steps))
        self.assertIn("INVALID_TOKEN", self.run_ctl(FAILED, "watch", "--after", "garbled").err)

    def test_status_tells_reads_from_writes(self):
        answer = self.ask("status")
        self.assertEqual((answer["server"], answer["reads"], answer["writes"]), ("SERVING", "SERVING", "SERVING"))
        self.assertTrue(answer["revisionToken"])
        self.run_ctl(DONE, "status", target="unix:" + self.server.unix)

    def test_replicas_and_verify(self):
        self.bounce()
        self.assertIn("replicas", self.ask("replicas"))
        unix = "unix:" + self.server.unix
        self.assertRegex(self.run_ctl(DONE, "verify", "--against", unix).out, r"^equal: 1 entries$")
        self.assertTrue(self.ask("verify", "--against", unix)["equal"])
        with harness.Server() as other:
            outcome = self.run_ctl(FAILED, "verify", "--against", other.tcp)
            self.assertIn("LINEAGE_MISMATCH", outcome.err)

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
