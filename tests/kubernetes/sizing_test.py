"""What a list takes: memory and disk of the server and of a sidecar, in their pods (script/test_kubernetes --sizing).

SIZING_ENTRIES hard bounces (1,000,000) are reported by suppressctl, SIZING_REPORTERS (64) at once. SUPPRESSCTL names
the program.
"""

import concurrent.futures
import os
import subprocess
import sys
import time
import unittest

import cluster
from cluster import kubectl, wait_until
from releases import Sender, Server

ENTRIES = int(os.environ.get("SIZING_ENTRIES", "1000000"))
REPORTERS = int(os.environ.get("SIZING_REPORTERS", "64"))
FILL_MAX_SECONDS = 3600
MIB = 1 << 20


def disk_bytes(directory):
    """What the files of a directory take on the disk."""
    return sum(os.lstat(os.path.join(folder, name)).st_blocks * 512
               for folder, _, names in os.walk(directory) for name in names)


def container_id(pod, container):
    status = pod["status"]
    every = status["containerStatuses"] + status.get("initContainerStatuses", [])
    return next(c for c in every if c["name"] == container)["containerID"].rpartition("/")[2]


def memory(pod, container):
    """(own, charged) memory of a container in bytes, by its cgroup: without and with cached files."""
    wanted = container_id(pod, container)
    for top in ("/sys/fs/cgroup/memory/kubepods", "/sys/fs/cgroup/kubepods"):
        for directory, _, names in os.walk(top):
            if os.path.basename(directory) == wanted and "memory.stat" in names:
                with open(os.path.join(directory, "memory.stat"), encoding="ascii") as lines:
                    stat = {key: int(value) for key, value in (line.split() for line in lines)}
                charged = "memory.usage_in_bytes" if "memory.usage_in_bytes" in names else "memory.current"
                with open(os.path.join(directory, charged), encoding="ascii") as value:
                    return stat.get("total_rss", stat.get("anon")), int(value.read())
    raise cluster.Failed(f"no cgroup of container {wanted}")


def print_row(what, pod, container, directory):
    own, charged = memory(pod, container)
    print(f"| {what} | {own / MIB:,.0f} | {charged / MIB:,.0f} | {disk_bytes(directory) / MIB:,.0f} |", flush=True)


def report(target, first, last):
    """One suppressctl that reports the entries [first, last)."""
    lines = "".join(f"user{i}@d{i % 9973}.example.com\t550\t5.1.1\tRCPT\tmx{i % 9973}.example.com\t550 5.1.1 "
                    f"<user{i}@d{i % 9973}.example.com>: Recipient address rejected: User unknown\n"
                    for i in range(first, last))
    done = subprocess.run([os.environ["SUPPRESSCTL"], "--target", target, "--insecure", "report", "--file", "-",
                           "--source", "sizing"], input=lines, text=True, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, timeout=FILL_MAX_SECONDS, check=False)
    if done.returncode != 0:
        raise cluster.Failed(done.stderr[-500:])


class Sizing(unittest.TestCase):
    def test_a_list_of_many_entries(self):
        server, sender = Server(), Sender()
        cluster.create_namespace()
        volume = cluster.create_volume("server", "20Gi")
        server.helm("install")
        print("\n| state | memory, MiB | with cached files, MiB | disk, MiB |\n| --- | --- | --- | --- |")
        print_row("server, empty", server.pod(), server.suppressd, volume)
        self.fill(server)
        print_row(f"server, {ENTRIES:,} entries, just reported", server.pod(), server.suppressd, volume)

        before = server.pod()["metadata"]
        started = time.monotonic()
        kubectl("delete", "pod", before["name"])
        restarted = cluster.ready_pod(server.selector, besides=before["uid"])
        took = time.monotonic() - started
        print_row(f"server, {ENTRIES:,} entries, pod recreated ({took:.1f} s until ready)", restarted,
                  server.suppressd, volume)

        started = time.monotonic()
        sender.prepare()
        sender.helm("install", seconds=600)
        pod = sender.pod()
        took = time.monotonic() - started
        print_row(f"sidecar, {ENTRIES:,} entries, loaded ({took:.1f} s until ready)", pod, sender.suppressd,
                  sender.data_directory(pod))
        print_row("server, after it sent the snapshot", server.pod(), server.suppressd, volume)
        self.assertIn("yes", sender.ctl(1, "check", f"user{ENTRIES - 1}@d{(ENTRIES - 1) % 9973}.example.com"))

    def fill(self, server):
        target = f"{server.pod()['status']['podIP']}:7025"
        edges = [ENTRIES * i // REPORTERS for i in range(REPORTERS + 1)]
        started = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(REPORTERS) as pool:
            for done in [pool.submit(report, target, *pair) for pair in zip(edges, edges[1:])]:
                done.result()
        took = time.monotonic() - started
        wait_until("all are on the list", lambda: f"TOTAL {ENTRIES}" in
                   " ".join(server.ctl(0, "list", "--counts", "--limit", "1").split()))
        print(f"{ENTRIES:,} reports in {took:.0f} s, {ENTRIES / took:,.0f} a second", file=sys.stderr)


if __name__ == "__main__":
    result = unittest.main(module="__main__", verbosity=2, exit=False).result
    if not result.wasSuccessful():
        cluster.explain()
    cluster.keep()
    sys.exit(0 if result.wasSuccessful() else 1)
