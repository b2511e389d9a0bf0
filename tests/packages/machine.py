"""A clean Debian 12 that runs its own systemd: a container of systemd-nspawn with a network of its own."""

import os
import shutil
import signal
import subprocess
import tempfile
import time

COMMAND_MAX_SECONDS = 900


def wait_until(true, what, max_seconds=60):
    """Returns the first true value of `true()`; fails when there is none in time."""
    deadline = time.monotonic() + max_seconds
    while True:
        value = true()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {max_seconds} s: {what}")
        time.sleep(0.1)


class Machine:
    """Unpacked from WORK/base.tar; what apt downloads is kept in WORK/archives."""

    def __init__(self, work):
        self.work = os.path.abspath(work)
        self.root = tempfile.mkdtemp(prefix="machine-", dir=self.work)
        os.chmod(self.root, 0o755)
        subprocess.run(["tar", "-C", self.root, "-xpf", os.path.join(self.work, "base.tar")], check=True)
        # A machine that is thrown away need not have every file of a package synced.
        with open(self.path("/etc/dpkg/dpkg.cfg.d/unsafe-io"), "w", encoding="ascii") as file:
            file.write("force-unsafe-io\n")
        self.container = None

    def download(self, *packages):
        """Downloads packages and all they need, with the network of this machine; nothing is installed."""
        self.contained("apt-get", "-qq", "-o", "Acquire::Retries=3", "update")
        self.contained("apt-get", "-qq", "-y", "-o", "Acquire::Retries=3", "--no-install-recommends", "--download-only",
                       "install", *packages)

    def contained(self, *command):
        subprocess.run(["systemd-nspawn", "--quiet", "--directory", self.root, "--register=no", "--keep-unit",
                        "--as-pid2", "--resolv-conf=copy-host", *self.binds(), *command],
                       check=True, stdin=subprocess.DEVNULL, timeout=COMMAND_MAX_SECONDS)

    def binds(self):
        return ["--bind", f"{self.work}/archives:/var/cache/apt/archives"]

    def boot(self):
        self.log = open(os.path.join(self.work, "console.log"), "wb")  # ended in stop()
        self.container = subprocess.Popen(
            ["systemd-nspawn", "--quiet", "--directory", self.root, "--machine", "suppressd-test", "--register=no", "--keep-unit",
             "--private-network", "--console=pipe", *self.binds(), "--boot"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        self.leader = wait_until(self.first_process, "the container starts")
        state = wait_until(self.boot_state, "systemd is up")
        if state not in ("running", "degraded"):
            raise AssertionError(f"systemd in the container is {state}")

    def first_process(self):
        """The container's process 1: nspawn's child."""
        if self.container.poll() is not None:
            raise AssertionError(f"systemd-nspawn ended with {self.container.returncode}, see {self.log.name}")
        with open(f"/proc/{self.container.pid}/task/{self.container.pid}/children", encoding="ascii") as children:
            return next(iter(children.read().split()), None)

    def boot_state(self):
        state = self.run("systemctl", "is-system-running", check=False).stdout.strip()
        return state if state not in ("", "offline", "initializing", "starting", "unknown") else None

    def run(self, *command, check=True, **more):
        """Runs a command inside, as root unless it says otherwise."""
        done = subprocess.run(
            ["nsenter", "--target", self.leader, "--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd", "env", "-i",
             "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", *command],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=COMMAND_MAX_SECONDS, check=False, **more)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def path(self, path):
        return self.root + path

    def stop(self):
        if self.container is not None and self.container.poll() is None:
            # nspawn passes it on as "power off".
            self.container.send_signal(signal.SIGTERM)
            try:
                self.container.wait(90)
            except subprocess.TimeoutExpired:
                self.container.kill()
                self.container.wait()
        if self.container is not None:
            self.log.close()
        shutil.rmtree(self.root, ignore_errors=True)
