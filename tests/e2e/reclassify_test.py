"""suppressctl reclassify against a running server: shows what other rules would change, and lifts what they would not keep."""

import os
import unittest

import harness
from harness import Server, TemporaryDirectory, suppressctl

# Takes the wording that the built-in rules read as an unknown user for something about the sender, and reads a
# wording that they do not know.
RULES = """
override:
  - id: own.unknown_at_relay
    match: ['no such user at this relay']
    class: SENDER_SIDE
    source: our relay says so of everybody when its directory is away
    examples: ['550 5.1.1 no such user at this relay']
recipient:
  - id: own.gone
    match: ['quondam']
    class: HARD
    reason: ADDRESS_NOT_FOUND
    source: the wording of one old server
    examples: ['550 quondam']
"""


class ReclassifyTest(unittest.TestCase):
    def setUp(self):
        self.directory = self.enterContext(TemporaryDirectory())
        self.server = self.enterContext(Server())
        self.rules = os.path.join(self.directory, "rules.yaml")
        with open(self.rules, "w", encoding="utf-8") as file:
            file.write(RULES)
        self.report("wrong@example.com", "550 5.1.1 no such user at this relay")
        self.report("gone@example.com", "550 5.1.1 user unknown")
        self.report("missed@example.net", "550 quondam")

    def ctl(self, *arguments):
        return suppressctl("--target", self.server.tcp, *arguments)

    def report(self, recipient, text):
        self.assertEqual(self.ctl("report", "--recipient", recipient, "--text", text).code, 0)

    def check(self, address):
        return self.ctl("check", address).code

    def changes(self, *arguments):
        """Address to change, and (change, rule, domain) to count."""
        outcome = self.ctl("-o", "json", "reclassify", "--rules_file", self.rules, *arguments)
        self.assertEqual(outcome.code, 0, outcome)
        values = outcome.json()
        return ({value["address"]: value["change"] for value in values if "address" in value},
                {(value["change"], value["ruleId"], value["domain"]): value["count"] for value in values if "count" in value})

    def test_a_dry_run_shows_both_ways_and_changes_nothing(self):
        addresses, groups = self.changes("--dry_run")
        self.assertEqual(addresses, {"wrong@example.com": "no longer", "missed@example.net": "more"})
        self.assertEqual(groups, {("no longer", "user.unknown", "example.com"): 1, ("more", "own.gone", "example.net"): 1})
        self.assertEqual([self.check(a) for a in ("wrong@example.com", "gone@example.com", "missed@example.net")], [1, 1, 0])

    def test_a_run_lifts_with_the_rule_set_as_the_reason_and_a_second_one_finds_nothing(self):
        addresses, _ = self.changes()
        self.assertEqual(addresses, {"wrong@example.com": "lifted", "missed@example.net": "more"})
        self.assertEqual([self.check(a) for a in ("wrong@example.com", "gone@example.com", "missed@example.net")], [0, 1, 0])
        cause = self.ctl("-o", "json", "details", "wrong@example.com").json()[0]["suppression"]["causes"][0]
        self.assertIn("+rules-", cause["reactivation"]["note"])
        self.assertIn("user.unknown is now own.unknown_at_relay SENDER_SIDE", cause["reactivation"]["note"])
        self.assertEqual(cause["reactivation"]["onBehalfOf"], "suppressctl reclassify")
        self.assertEqual(self.changes()[0], {"missed@example.net": "more"})

    def test_only_the_domain_that_was_asked_for(self):
        self.assertEqual(self.changes("--domain", "example.net", "--dry_run")[0], {"missed@example.net": "more"})

    def test_a_broken_rules_file_changes_nothing(self):
        with open(self.rules, "a", encoding="utf-8") as file:
            file.write("  - id: own.broken\n    match: ['(']\n")
        outcome = self.ctl("reclassify", "--rules_file", self.rules)
        self.assertEqual(outcome.code, 2, outcome)
        self.assertIn("rules.yaml:", outcome.err)
        self.assertEqual(self.check("wrong@example.com"), 1)


if __name__ == "__main__":
    harness.main()
