"""Parts of the end-to-end tests: a suppressd process of one's own, and runs of grpcurl and suppressctl against it.

Traffic stays on loopback and Unix sockets; processes are ended by the id they were started with.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SERVICE = "suppressd.v1.SuppressionService"
REPLICATION = "suppressd.v1.ReplicationService"
SIDECAR = "suppressd.v1.SidecarService"
ADMIN = "suppressd.v1.AdminService"
START_MAX_SECONDS = 120  # a sanitizer build on a busy machine
CALL_MAX_SECONDS = 360

options = argparse.Namespace(suppressd="", suppressctl="")


def main():
    """Runs the tests of the calling script: SCRIPT --suppressd PATH --suppressctl PATH [unittest arguments]."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--suppressd", required=True)
    parser.add_argument("--suppressctl", required=True)
    rest = parser.parse_known_args(namespace=options)[1]
    unittest.main(module="__main__", argv=[sys.argv[0], *rest], verbosity=2)


def grpcurl_path():
    path = shutil.which("grpcurl", path=os.path.join(REPOSITORY, ".tools", "bin") + os.pathsep + os.environ["PATH"])
    if path is None:
        raise RuntimeError("no grpcurl here: run script/bootstrap test")
    return path


class TemporaryDirectory:
    """A directory with a short path: a Unix socket's may have 107 bytes."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="suppressd-", dir="/tmp")
        return self.path

    def __exit__(self, *exception):
        shutil.rmtree(self.path, ignore_errors=True)


class Server:
    """A running `suppressd serve` on a free loopback port and a Unix socket.

    `prefix` is a command that ends by executing the one behind it; DATA in it stands for the data directory. `data` is one
    that is kept; otherwise the server gets one of its own. On leaving the block it gets SIGTERM and must end with 0; its
    log is printed when it does not, or when the block failed.
    """

    def __init__(self, *arguments, prefix=(), preexec_fn=None, data=None):
        self.arguments, self.prefix, self.preexec_fn, self.data = arguments, prefix, preexec_fn, data

    def __enter__(self):
        self.directory = tempfile.mkdtemp(prefix="suppressd-", dir="/tmp")
        self.log_path = os.path.join(self.directory, "log")
        self.port_file = os.path.join(self.directory, "ports")
        self.unix = os.path.join(self.directory, "s.sock")
        self.data = self.data or os.path.join(self.directory, "data")
        os.makedirs(self.data, exist_ok=True)
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [*(part.replace("DATA", self.data) for part in self.prefix), options.suppressd, "serve",
                 "--data_dir", self.data, "--listen_address", "127.0.0.1:0", "--listen_address", "unix:" + self.unix,
                 "--port_file", self.port_file, *self.arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=self.preexec_fn)
        try:
            addresses = wait_for_port_file(self.process, self.port_file)
            self.tcp = next(a for a in addresses if a.startswith("127.0.0.1:"))
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def log(self):
        """What is written so far. Lines follow what they tell of by a moment: wait for one, or take log_at_end."""
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def log_at_end(self):
        """Ends the server and returns all that it logged."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        return self.log()

    def __exit__(self, exception_type, exception, traceback):
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        log = self.log()
        shutil.rmtree(self.directory, ignore_errors=True)
        if exception_type is not None or code != 0:
            print("--- log of suppressd, exit code", code, "\n" + log, file=sys.stderr)
        if exception_type is None and code != 0:
            raise AssertionError(f"suppressd ended with {code} after SIGTERM")


class Sidecar:
    """A running `suppressd sidecar` of a server, on a Unix socket. On leaving the block it gets SIGTERM and must end with 0.

    `prefix` is a command that ends by executing the one behind it; DATA in it stands for the data directory.
    """

    def __init__(self, upstream, *arguments, prefix=()):
        self.upstream, self.arguments, self.prefix = upstream, arguments, prefix

    def __enter__(self):
        self.directory = tempfile.mkdtemp(prefix="suppressd-", dir="/tmp")
        self.unix = os.path.join(self.directory, "s.sock")
        self.target = "unix:" + self.unix
        self.log_path = os.path.join(self.directory, "log")
        self.data = os.path.join(self.directory, "data")
        os.makedirs(self.data)
        port_file = os.path.join(self.directory, "ports")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [*(part.replace("DATA", self.data) for part in self.prefix), options.suppressd, "sidecar", "--upstream", self.upstream, "--replica_id", "e2e",
                 "--data_dir", self.data, "--listen_address", self.target,
                 "--port_file", port_file, "--drain_timeout_seconds", "1", *self.arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            wait_for_port_file(self.process, port_file)
        except BaseException:
            self.process.kill()
            print("--- log of the sidecar\n" + self.log(), file=sys.stderr)
            raise
        return self

    def log(self):
        with open(self.log_path, encoding="utf-8") as log:
            return log.read()

    def log_at_end(self):
        """Ends the sidecar and returns all that it logged."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        return self.log()

    def __exit__(self, exception_type, exception, traceback):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        log = self.log()
        shutil.rmtree(self.directory, ignore_errors=True)
        if exception_type is None and code != 0:
            raise AssertionError(f"the sidecar ended with {code} after SIGTERM\n{log}")
        if exception_type is not None:
            print("--- log of the sidecar\n" + log, file=sys.stderr)


def wait_for_port_file(process, path):
    """The lines of the port file, once the server has written it. It is written whole, by rename."""
    deadline = time.monotonic() + START_MAX_SECONDS
    while not os.path.exists(path):
        if process.poll() is not None:
            raise AssertionError(f"suppressd ended with {process.returncode} before it served")
        if time.monotonic() > deadline:
            raise AssertionError("suppressd did not write its port file in time")
        time.sleep(0.02)
    with open(path, encoding="utf-8") as lines:
        return lines.read().splitlines()


def small_disk(kib):
    """A prefix that puts a disk of this size under the data directory DATA; None where no mounts are allowed."""
    mount = f'mount -t tmpfs -o size={kib}k tmpfs DATA && exec "$@"'
    prefix = ["unshare", "--mount", *([] if os.getuid() == 0 else ["--map-root-user"]), "sh", "-c", mount, "sh"]
    with TemporaryDirectory() as directory:
        probe = [part.replace("DATA", directory) for part in prefix] + ["true"]
        return prefix if subprocess.run(probe, capture_output=True, check=False).returncode == 0 else None


class Outcome:
    """What a program printed and how it ended."""

    def __init__(self, completed):
        self.code = completed.returncode
        self.out = completed.stdout
        self.err = completed.stderr

    def json(self):
        """The JSON values on standard output, one or several in a row."""
        decoder, values, text = json.JSONDecoder(), [], self.out.lstrip()
        while text:
            value, end = decoder.raw_decode(text)
            values.append(value)
            text = text[end:].lstrip()
        return values

    def __str__(self):
        return f"exit code {self.code}\nstdout: {self.out}\nstderr: {self.err}"


def run(command, stdin=""):
    completed = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=CALL_MAX_SECONDS,
                               check=False)
    return Outcome(completed)


def grpcurl(*arguments, stdin=""):
    return run([grpcurl_path(), *arguments], stdin)


def suppressctl(*arguments, stdin=""):
    return run([options.suppressctl, *arguments], stdin)
