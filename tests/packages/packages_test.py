"""The Debian packages in a clean Debian 12 with a systemd of its own, in the order of a package's life.

  packages_test.py --packages DIR --work DIR [unittest arguments]; script/test_packages calls it.
"""

import argparse
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

from machine import Machine, wait_until

options = argparse.Namespace(packages="", work="")
COMPILER = ("g++", "cmake", "ninja-build")
SERVER = "127.0.0.1:7025"
EDITED = "SUPPRESSD_MAX_WATCHES=77"


def package(name):
    found = glob.glob(os.path.join(options.packages, name + "_*.deb"))
    if len(found) != 1:
        raise AssertionError(f"{options.packages} has {len(found)} packages {name}")
    return found[0]


def newer(machine, name):
    """The package again, as a later version in which two settings files are different."""
    with tempfile.TemporaryDirectory() as scratch:
        tree = os.path.join(scratch, "tree")
        subprocess.run(["dpkg-deb", "-R", package(name), tree], check=True)
        control = os.path.join(tree, "DEBIAN/control")
        with open(control, encoding="utf-8") as file:
            text = re.sub(r"^(Version: .*)$", r"\1+later1", file.read(), flags=re.M)
        with open(control, "w", encoding="utf-8") as file:
            file.write(text)
        for changed in ("suppressd.env", "rules.yaml"):
            with open(os.path.join(tree, "etc/suppressd", changed), "a", encoding="utf-8") as file:
                file.write("# a line of the later version\n")
        subprocess.run(["dpkg-deb", "--root-owner-group", "-b", tree, machine.path("/packages/later.deb")], check=True,
                       stdout=subprocess.DEVNULL)
    return "/packages/later.deb"


class PackagesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.machine = Machine(options.work)
        cls.addClassCleanup(cls.machine.stop)
        os.mkdir(cls.machine.path("/packages"))
        cls.inside = {}
        for name in ("suppressd", "suppressctl", "libsuppressd-client-dev"):
            cls.inside[name] = shutil.copy(package(name), cls.machine.path("/packages/")).replace(cls.machine.root, "")
        started = time.monotonic()
        cls.machine.download(*cls.inside.values(), *COMPILER)
        cls.machine.boot()
        print(f"downloaded and booted in {time.monotonic() - started:.0f} s", file=sys.stderr)

    def setUp(self):
        self.started = time.monotonic()

    def tearDown(self):
        print(f"{time.monotonic() - self.started:.0f} s ", end="", file=sys.stderr)

    def run_in(self, *command, **more):
        return self.machine.run(*command, **more)

    def install(self, *packages, arguments=()):
        """From what was downloaded: the container reaches no network."""
        return self.run_in("apt-get", "-qq", "-y", "--no-install-recommends", *arguments, "install", *packages)

    def ctl(self, *arguments, code=0, target=SERVER, user="root"):
        done = self.run_in("setpriv", "--reuid", user, "--regid", user, "--init-groups", "suppressctl",
                           *(["--target", target] if target else []), *arguments, check=False)
        self.assertEqual(done.returncode, code, f"suppressctl {' '.join(arguments)}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def state(self, unit, what):
        return self.run_in("systemctl", "show", "-P", what, unit).stdout.strip()

    def await_serving(self, target=SERVER):
        wait_until(lambda: self.run_in("suppressctl", "--target", target, "status", check=False).returncode == 0,
                   f"{target} serves")

    def await_failed(self, unit):
        """It has failed because of its settings, and is not started again: a unit that is has another state meanwhile."""
        wait_until(lambda: self.state(unit, "ActiveState") == "failed", f"{unit} has failed")
        self.assertEqual(self.state(unit, "ExecMainStatus"), "2")
        self.assertEqual(self.state(unit, "NRestarts"), "0")

    def journal(self, unit):
        return self.run_in("journalctl", "--quiet", "--output=cat", "--unit", unit).stdout

    def append(self, path, line):
        with open(self.machine.path(path), "a", encoding="utf-8") as file:
            file.write(line + "\n")

    def write(self, path, text):
        with open(self.machine.path(path), "w", encoding="utf-8") as file:
            file.write(text)

    def read(self, path):
        with open(self.machine.path(path), encoding="utf-8") as file:
            return file.read()

    def test_1_apt_installs_and_the_server_runs(self):
        self.install(self.inside["suppressd"], self.inside["suppressctl"])
        self.await_serving()
        self.assertEqual(self.state("suppressd", "ActiveState"), "active")
        self.assertEqual(self.state("suppressd", "UnitFileState"), "enabled")
        self.assertEqual(self.state("suppressd-sidecar", "ActiveState"), "inactive")
        self.assertEqual(self.state("suppressd-sidecar", "UnitFileState"), "disabled")
        owner = self.run_in("stat", "-c", "%U:%G %a", "/var/lib/suppressd").stdout.strip()
        self.assertEqual(owner, "suppressd:suppressd 700")
        listening = self.run_in("cat", "/proc/net/tcp", "/proc/net/tcp6").stdout
        self.assertRegex(listening, f"0100007F:{7025:04X} 0+:0000 0A")
        # Loopback only.
        self.assertEqual(len(re.findall(" 0A ", listening)), 1, listening)

    def test_2_the_walk(self):
        self.ctl("check", "ada@example.com")
        self.ctl("report", "--recipient", "ada@example.com", "--code", "550", "--text", "550 5.1.1 User unknown")
        self.ctl("check", "ada@example.com", code=1)
        self.assertIn("ada@example.com", self.ctl("list"))
        self.assertIn("5.1.1", self.ctl("details", "ada@example.com"))
        self.ctl("reactivate", "ada@example.com", "--note", "works again")
        self.ctl("check", "ada@example.com")
        self.ctl("report", "--recipient", "bob@example.com", "--code", "550", "--text", "550 5.1.1 User unknown")

    def test_3_the_units_are_hardened(self):
        status = self.run_in("cat", f"/proc/{self.state('suppressd', 'MainPID')}/status").stdout
        facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        uid = self.run_in("id", "-u", "suppressd").stdout.strip()
        self.assertEqual(facts["Uid"].split(), [uid] * 4)
        self.assertNotEqual(uid, "0")
        for capabilities in ("CapEff", "CapPrm", "CapBnd", "CapAmb"):
            self.assertEqual(int(facts[capabilities], 16), 0, capabilities)
        self.assertEqual(facts["NoNewPrivs"], "1")
        self.assertEqual(facts["Seccomp"], "2")
        for unit in ("suppressd.service", "suppressd-sidecar.service"):
            verified = self.run_in("systemd-analyze", "verify", unit)
            self.assertEqual(verified.stdout + verified.stderr, "")
            rated = self.run_in("systemd-analyze", "security", "--offline=yes", "--threshold=20",
                                f"/usr/lib/systemd/system/{unit}").stdout
            print(f"\n{unit}:", re.search(r"Overall exposure level .*", rated).group(0), file=sys.stderr)

    def test_4_settings_are_valid_and_reloaded(self):
        pid = self.state("suppressd", "MainPID")
        shipped = self.read("/etc/suppressd/rules.yaml")
        self.append("/etc/suppressd/rules.yaml", "refusal: {marker: '[our mail desk]'}")
        # As documented, for both: the sidecar is off, and stays so.
        self.run_in("systemctl", "try-reload-or-restart", "suppressd", "suppressd-sidecar")
        self.assertEqual(self.state("suppressd-sidecar", "ActiveState"), "inactive")
        wait_until(lambda: "rules_reloaded" in self.journal("suppressd"), "the rules are read again")
        self.append("/etc/suppressd/rules.yaml", "nonsense: [")
        self.run_in("systemctl", "reload", "suppressd")
        wait_until(lambda: "rules_refused" in self.journal("suppressd"), "wrong rules are refused")
        self.assertEqual(self.state("suppressd", "MainPID"), pid)
        # A start with them fails once and for all, and the journal names the file.
        self.run_in("systemctl", "restart", "suppressd")
        self.await_failed("suppressd")
        self.assertRegex(self.journal("suppressd"), r"suppressd: \S*rules\.yaml:\d+")
        self.write("/etc/suppressd/rules.yaml", shipped)
        # So does one with a wrong value, and a sidecar without upstream.
        settings = self.read("/etc/suppressd/suppressd.env")
        for wrong in ("SUPPRESSD_MAX_CALLS=0", "SUPPRESSD_LISTEN_ADDRESS=nonsense", "SUPPRESSD_SOCKET_GROUP=no-such-group"):
            self.append("/etc/suppressd/suppressd.env", wrong)
            self.run_in("systemctl", "restart", "suppressd")
            self.await_failed("suppressd")
            self.write("/etc/suppressd/suppressd.env", settings)
        self.run_in("systemctl", "start", "suppressd-sidecar")
        self.await_failed("suppressd-sidecar")
        self.run_in("systemctl", "reset-failed", "suppressd-sidecar")
        self.run_in("systemctl", "start", "suppressd")
        self.await_serving()

    def test_5_a_sidecar_answers_its_group(self):
        self.append("/etc/suppressd/sidecar.env", f"SUPPRESSD_UPSTREAM={SERVER}")
        self.run_in("useradd", "--system", "--groups", "suppressd", "--user-group", "sender")
        self.run_in("useradd", "--system", "--user-group", "stranger")
        self.run_in("systemctl", "enable", "--now", "suppressd-sidecar")
        self.await_serving("unix:/run/suppressd/suppressd.sock")
        # The client's own default finds it.
        self.ctl("check", "bob@example.com", code=1, target="", user="sender")
        self.ctl("--timeout", "1s", "check", "bob@example.com", code=2, target="", user="stranger")
        self.run_in("systemctl", "stop", "suppressd")
        self.ctl("check", "bob@example.com", code=1, target="", user="sender")
        self.run_in("systemctl", "start", "suppressd")
        self.await_serving()

    def test_5_the_socket_goes_to_another_group(self):
        settings = self.read("/etc/suppressd/sidecar.env")
        self.run_in("groupadd", "--system", "mailers")
        self.run_in("usermod", "--append", "--groups", "mailers", "suppressd")
        self.run_in("usermod", "--append", "--groups", "mailers", "stranger")
        number = self.run_in("stat", "-c", "%g", "/run/suppressd/suppressd.sock").stdout
        for group in "mailers", self.run_in("getent", "group", "mailers").stdout.split(":")[2]:
            self.append("/etc/suppressd/sidecar.env", f"SUPPRESSD_SOCKET_GROUP={group}")
            self.run_in("systemctl", "restart", "suppressd-sidecar")
            self.await_serving("unix:/run/suppressd/suppressd.sock")
            self.assertEqual(self.run_in("stat", "-c", "%U:%G", "/run/suppressd/suppressd.sock").stdout, "suppressd:mailers\n")
            self.ctl("check", "bob@example.com", code=1, target="", user="stranger")
            self.write("/etc/suppressd/sidecar.env", settings)
        self.run_in("systemctl", "restart", "suppressd-sidecar")
        self.await_serving("unix:/run/suppressd/suppressd.sock")
        self.assertEqual(self.run_in("stat", "-c", "%g", "/run/suppressd/suppressd.sock").stdout, number)

    def test_6_a_killed_server_comes_back(self):
        before = self.state("suppressd", "MainPID")
        self.run_in("sh", "-c", f"kill -KILL {before}")
        wait_until(lambda: self.state("suppressd", "MainPID") not in ("0", before), "it is started again")
        self.await_serving()
        self.ctl("check", "bob@example.com", code=1)

    def test_7_an_upgrade_keeps_list_and_edited_settings(self):
        self.append("/etc/suppressd/suppressd.env", EDITED)
        pids = {unit: self.state(unit, "MainPID") for unit in ("suppressd", "suppressd-sidecar")}
        # The same version again, then a later one.
        self.install(self.inside["suppressd"], arguments=("--reinstall",))
        self.assertIn(EDITED, self.read("/etc/suppressd/suppressd.env"))
        self.install(newer(self.machine, "suppressd"), arguments=("-o", "Dpkg::Options::=--force-confdef",
                                                                  "-o", "Dpkg::Options::=--force-confold"))
        self.assertIn(EDITED, self.read("/etc/suppressd/suppressd.env"))
        self.assertNotIn("a line of the later version", self.read("/etc/suppressd/suppressd.env"))
        self.assertIn("a line of the later version", self.read("/etc/suppressd/rules.yaml"))
        for unit, before in pids.items():
            self.assertEqual(self.state(unit, "ActiveState"), "active")
            self.assertNotEqual(self.state(unit, "MainPID"), before, f"{unit} still runs the version of before")
        self.await_serving()
        self.ctl("check", "bob@example.com", code=1)
        environment = self.run_in("cat", f"/proc/{self.state('suppressd', 'MainPID')}/environ").stdout
        self.assertIn(EDITED, environment)

    def test_8_the_quickstart_builds_against_the_client_package(self):
        self.install(self.inside["libsuppressd-client-dev"], *COMPILER)
        source = "/usr/share/doc/libsuppressd-client-dev/examples/quickstart"
        self.run_in("cmake", "-G", "Ninja", "-S", source, "-B", "/packages/quickstart", "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Werror")
        self.run_in("nice", "cmake", "--build", "/packages/quickstart")
        said = self.run_in("env", f"SUPPRESSION_TARGET={SERVER}", "/packages/quickstart/quickstart", "grace@example.com").stdout
        self.assertEqual(said, "before: send\nreport: ADDRESS_NOT_FOUND\nafter: do not send\n")

    def test_9_removal_keeps_the_list_and_a_purge_deletes_it(self):
        self.run_in("apt-get", "-qq", "-y", "remove", "suppressd")
        self.assertNotIn("suppressd", self.run_in("sh", "-c", "cat /proc/[0-9]*/comm").stdout.split())
        self.assertTrue(os.path.exists(self.machine.path("/var/lib/suppressd/HEAD")))
        self.assertIn(EDITED, self.read("/etc/suppressd/suppressd.env"))
        self.install("/packages/later.deb")
        self.await_serving()
        self.ctl("check", "bob@example.com", code=1)
        # A disk of its own for the sidecar's data is emptied; it cannot be removed.
        mounted = "/var/lib/suppressd-sidecar"
        self.run_in("mount", "-t", "tmpfs", "tmpfs", mounted)
        self.run_in("sh", "-c", f"mkdir {mounted}/folder && touch {mounted}/folder/file {mounted}/.hidden")
        self.run_in("apt-get", "-qq", "-y", "purge", "suppressd")
        self.assertEqual(self.run_in("find", mounted, "-mindepth", "1").stdout, "")
        self.run_in("umount", mounted)
        for path in ("/var/lib/suppressd", "/etc/suppressd", "/usr/bin/suppressd"):
            self.assertFalse(os.path.exists(self.machine.path(path)), path)
        self.assertEqual(self.run_in("find", "/etc/systemd/system", "-name", "suppressd*").stdout, "")
        # The user stays: its number must not be given to somebody else.
        self.run_in("id", "suppressd")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--packages", required=True)
    parser.add_argument("--work", required=True)
    rest = parser.parse_known_args(namespace=options)[1]
    unittest.main(argv=[sys.argv[0], *rest], verbosity=2, failfast=True)
