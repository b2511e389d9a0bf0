"""How long whole lists take, in and out: real server, real suppressctl, files.

  transfer_benchmark.py --suppressd PATH --suppressctl PATH [--rows N]

Imports a table of N rows (of SendGrid's form, each with a reply that the rules read), exports all of it, imports that export
into an empty server, and imports the table again, of which all is known. Prints for each the time, the rows a second, and the
time as a multiple of the first one's.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from harness import Server, TemporaryDirectory, options  # noqa: E402

REPLIES = ("550 5.1.1 The email account that you tried to reach does not exist",
           "550 5.7.1 Message rejected due to local policy", "552 5.2.2 mailbox is over its quota",
           "550 5.4.1 Recipient address rejected: Access denied", "550 no mailbox here by that name")


def write_table(path, rows):
    now = int(time.time())
    with open(path, "w", encoding="utf-8") as file:
        file.write("status,reason,email,created\n")
        for i in range(rows):
            file.write(f'5.1.1,"{REPLIES[i % len(REPLIES)]}",u{i * 7919 % rows}@d{i % 5000}.example.com,{now - i % 2_000_000}\n')


class Run:
    def __init__(self):
        self.first = None

    def take(self, what, rows, server, arguments):
        begun = time.monotonic()
        done = subprocess.run([options.suppressctl, *arguments, "--target", server.tcp, "--timeout", "5m", "-o", "json"],
                              capture_output=True, text=True, check=False)
        seconds = time.monotonic() - begun
        if done.returncode != 0:
            raise SystemExit(f"{what}: exit code {done.returncode}: {done.stderr}")
        self.first = self.first or seconds
        print(f"{what:<40} {seconds:8.1f} s {rows / seconds:12,.0f} rows/s {seconds / self.first:8.2f} x", flush=True)
        return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--suppressd", required=True)
    parser.add_argument("--suppressctl", required=True)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.parse_args(namespace=options)
    rows = options.rows
    run = Run()
    with TemporaryDirectory() as directory:
        table, export = os.path.join(directory, "table.csv"), os.path.join(directory, "export.jsonl")
        write_table(table, rows)
        with Server() as server:
            taken = run.take("import of a table", rows, server, ["import", "--from", "sendgrid-bounces", table])
            told = run.take("export, with history", rows, server, ["export", "--out", export])
            run.take("export, a table for people", rows, server, ["export", "--csv", "--out", os.path.join(directory, "x.csv")])
            run.take("import of the same table again", rows, server, ["import", "--from", "sendgrid-bounces", table])
            print(json.dumps(taken["files"][0]["causes"]))
        with Server() as server:
            run.take("import of the export", rows, server, ["import", export])
            again = run.take("export of that", rows, server, ["export", "--out", os.path.join(directory, "again.jsonl")])
        if again["sha256"] != told["sha256"]:
            raise SystemExit("the export of what was imported is not the export")
        print(f"export: {os.path.getsize(export) / (1 << 20):,.0f} MiB; both exports have the same checksum; "
              f"most memory of a process: {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024:,.0f} MiB")


if __name__ == "__main__":
    main()
