"""Whole lists, in and out, by real processes: import and export of suppressctl, killed in the middle, cut, and repeated."""

import json
import os
import signal
import subprocess
import time
import unittest

import harness

DONE, SOME, FAILED = 0, 1, 2
FROM = ("--from", "sendgrid-bounces")  # its blocks have the same columns
ROWS = 20_000
GONE = "550 5.1.1 no mailbox here by that name"


def table(rows, first=0):
    """A table of SendGrid's form."""
    now = int(time.time())
    lines = [f'5.1.1,"{GONE}",u{i}@d{i % 100}.example.com,{now - 1000 - i}\n' for i in range(first, first + rows)]
    return "status,reason,email,created\n" + "".join(lines)


class Transfer(unittest.TestCase):
    def setUp(self):
        self.directory = self.enterContext(harness.TemporaryDirectory())

    def path(self, name, content=None):
        path = os.path.join(self.directory, name)
        if content is not None:
            with open(path, "w" if isinstance(content, str) else "wb") as file:
                file.write(content)
        return path

    def run_ctl(self, server, exit_code, *arguments, stdin=""):
        outcome = harness.suppressctl("--target", server.tcp, "-o", "json", "--timeout", "60s", *arguments, stdin=stdin)
        self.assertEqual(outcome.code, exit_code, f"suppressctl {' '.join(arguments)}\n{outcome}")
        return outcome

    def count(self, server):
        counts = self.run_ctl(server, DONE, "list", "--limit", "1", "--counts").json()[0]["counts"]
        return int(counts.get("totalCount", 0))

    def imported(self, server, *arguments, exit_code=DONE):
        words = arguments if "--from" in arguments else (*FROM, *arguments)
        return self.run_ctl(server, exit_code, "import", *words).json()[0]["files"][0]

    def exported(self, server, name):
        return self.run_ctl(server, DONE, "export", "--out", self.path(name)).json()[0]

    def test_a_table_is_taken_once_however_often_it_comes(self):
        path = self.path("bounces.csv", table(1_500))
        with harness.Server() as server:
            told = self.imported(server, "--dry_run", path)
            self.assertEqual((told["format"], told["rows"], told["created"]), ("sendgrid-bounces", "1500", "1500"))
            self.assertEqual(self.count(server), 0)
            self.assertEqual(self.imported(server, path)["created"], "1500")
            again = self.imported(server, path)
            self.assertEqual((again["unchanged"], again.get("created")), ("1500", None))
            self.assertEqual(self.count(server), 1_500)
            details = self.run_ctl(server, DONE, "details", "u7@d7.example.com").json()[0]
            self.assertEqual(details["events"][0]["diagnostic"], GONE)
            self.assertEqual(details["suppression"]["causes"][0]["eventCount"], "1")

    def test_rows_that_cannot_be_taken_are_told_and_the_rest_goes_on(self):
        lines = table(10).splitlines(keepends=True)
        lines[3] = f'5.1.1,"{GONE}",no address,1790001112\n'
        lines[5] = f'5.1.1,"{GONE}",u4@d4.example.com,yesterday\n'
        path, errors = self.path("bounces.csv", "".join(lines)), self.path("errors.jsonl")
        with harness.Server() as server:
            outcome = self.run_ctl(server, SOME, "import", *FROM, "--errors", errors, path)
            self.assertIn("line 4", outcome.err)
            self.assertIn("line 6", outcome.err)
            self.assertEqual(self.count(server), 8)
        with open(errors, encoding="utf-8") as file:
            told = [json.loads(line) for line in file]
        self.assertEqual(sorted(error["line"] for error in told), ["4", "6"])
        self.assertTrue(all(error["text"] for error in told))
        self.assertEqual(os.stat(errors).st_mode & 0o777, 0o600, "it holds addresses")

    def test_files_of_another_kind_are_refused_with_what_they_look_like(self):
        with harness.Server() as server:
            for name, content in (("empty", b""), ("archive.gz", b"\x1f\x8b\x08\x00rest"), ("page.html", b"<!doctype html><html>"),
                                  ("numbers.csv", b"a,b,c\n1,2,3\n"), ("picture.png", b"\x89PNG\r\n\x1a\n\0\0")):
                outcome = self.run_ctl(server, FAILED, "import", self.path(name, content))
                self.assertIn(name, outcome.err)
            for arguments in (["import"], ["import", self.directory], ["import", self.path("missing")],
                              ["import", "--from", "nobody", self.path("b.csv", table(1))]):
                self.run_ctl(server, FAILED, *arguments)
            self.assertEqual(self.count(server), 0)

    def start(self, server, *arguments):
        return subprocess.Popen([harness.options.suppressctl, "--target", server.tcp, "--timeout", "60s", *arguments],
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def wait_until(self, what, condition):
        deadline = time.monotonic() + harness.START_MAX_SECONDS
        while not condition():
            self.assertLess(time.monotonic(), deadline, what)

    def test_an_import_that_is_killed_goes_on_where_it_was(self):
        path, checkpoint = self.path("bounces.csv", table(ROWS)), self.path("checkpoint")
        with harness.Server() as server:
            process = self.start(server, "import", *FROM, "--checkpoint", checkpoint, path)
            self.wait_until("the import begins", lambda: os.path.exists(checkpoint))
            process.send_signal(signal.SIGKILL)
            process.wait()
            with open(checkpoint, encoding="utf-8") as file:
                rows = int(json.load(file)["rows"])
            told = self.imported(server, "--checkpoint", checkpoint, path)
            taken = sum(int(told.get(result, 0)) for result in ("created", "unchanged"))
            self.assertEqual(taken, ROWS - rows, "what the checkpoint tells is not sent again")
            self.assertEqual(self.count(server), ROWS)
            self.assertFalse(os.path.exists(checkpoint))
            self.assertEqual(self.imported(server, path)["unchanged"], str(ROWS))
            self.path("checkpoint", '{"sha256":"00","sizeBytes":"1","rows":"5"}')
            self.assertIn("another file", self.run_ctl(server, FAILED, "import", *FROM, "--checkpoint", checkpoint, path).err)

    def test_a_server_that_is_killed_loses_no_row_that_was_acknowledged(self):
        path, checkpoint = self.path("bounces.csv", table(ROWS)), self.path("checkpoint")
        data = self.path("data")
        server = harness.Server(data=data)
        with self.assertRaises(AssertionError):
            with server:
                process = self.start(server, "import", *FROM, "--checkpoint", checkpoint, path)
                self.wait_until("the import begins", lambda: os.path.exists(checkpoint))
                server.process.kill()
                self.assertEqual(process.wait(), FAILED)
        with open(checkpoint, encoding="utf-8") as file:
            rows = int(json.load(file)["rows"])
        with harness.Server(data=data) as again:
            self.assertGreaterEqual(self.count(again), rows)
            self.imported(again, "--checkpoint", checkpoint, path)
            self.assertEqual(self.count(again), ROWS)

    def test_an_export_is_imported_elsewhere_without_a_difference(self):
        with harness.Server() as server:
            self.imported(server, self.path("bounces.csv", table(1_000)))
            self.run_ctl(server, DONE, "suppress", "=formula@example.com", "--note", "a, \"note\"", "--stream", "news")
            self.run_ctl(server, DONE, "reactivate", "u3@d3.example.com", "--note", "works again")
            first = self.exported(server, "first.jsonl")
            self.assertEqual(first["entryCount"], "1001")
            self.run_ctl(server, DONE, "export", "--csv", "--out", self.path("people.csv"))
        with open(self.path("people.csv"), encoding="utf-8", newline="") as file:
            lines = file.read().split("\r\n")
        self.assertTrue(any(line.startswith("'=formula@example.com,yes,MANUAL stream news,") for line in lines))
        self.assertTrue(lines[-2].startswith("#proof,entries 1001,sha256 "))
        with harness.Server() as server:
            told = self.imported(server, "--from", "auto", self.path("first.jsonl"))
            self.assertEqual((told["format"], told["created"]), ("suppressd", "1001"))
            self.assertEqual(self.exported(server, "second.jsonl")["sha256"], first["sha256"])
            self.assertEqual(self.imported(server, "--from", "suppressd", self.path("first.jsonl"))["unchanged"], "1001")
            self.run_ctl(server, FAILED, "import", self.path("people.csv"))

    def test_an_export_that_is_cut_is_noticed_and_one_that_is_killed_leaves_no_file(self):
        with harness.Server() as server:
            self.imported(server, self.path("bounces.csv", table(ROWS)))
            out = self.path("out.jsonl")
            process = self.start(server, "export", "--out", out)
            self.wait_until("the export begins", lambda: os.path.exists(out + ".part.json") or process.poll() is not None)
            process.send_signal(signal.SIGKILL)
            if process.wait() != DONE:
                self.assertFalse(os.path.exists(out))
            self.assertEqual(self.exported(server, "out.jsonl")["entryCount"], str(ROWS))
            self.assertFalse(os.path.exists(out + ".part"))
            with open(out, "rb") as file:
                whole = file.read()
            self.assertEqual(whole.count(b"\n"), ROWS + 2)
            for cut in (whole[: whole.rindex(b'{"proof"')], whole[: len(whole) // 2]):
                outcome = self.run_ctl(server, FAILED, "import", self.path("cut.jsonl", cut))
                self.assertIn("cut", outcome.err)
            lost = whole.split(b"\n")
            del lost[5]
            self.run_ctl(server, FAILED, "import", self.path("lost.jsonl", b"\n".join(lost)))

    def test_a_sidecar_answers_none_of_it(self):
        with harness.Server() as server, harness.Sidecar(server.tcp) as sidecar:
            outcome = harness.suppressctl("--target", sidecar.target, "export")
            self.assertEqual(outcome.code, FAILED)
            self.assertIn("NOT_SERVED_HERE", outcome.err)
            outcome = harness.suppressctl("--target", sidecar.target, "import", *FROM, self.path("b.csv", table(2)))
            self.assertEqual(outcome.code, FAILED)
            self.assertIn("NOT_SERVED_HERE", outcome.err)


if __name__ == "__main__":
    harness.main()
