"""Runs programs of the image as a container would: in its own root file system, read-only, as user 65532 without
privileges, with nothing writable but /var/lib/suppressd and /run/suppressd."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile

import harness

USER = 65532
# Bind mounts in a private namespace: nothing of it is seen outside, and it ends with the process.
MOUNTS = """set -e
mount --bind "$1" "$1"
mount -o remount,bind,ro "$1"
mount --bind "$2" "$1/var/lib/suppressd"
mount --bind "$3" "$1/run/suppressd"
root=$1
shift 3
"""
NAMESPACE = ["unshare", "--mount", *([] if os.getuid() == 0 else ["--map-root-user"])]
# Root becomes 65532; anybody else is root of a user namespace, and gets the name 65532 in a second one.
AS_ROOT = 'exec setpriv --no-new-privs chroot --userspec=65532:65532 --groups= "$root" "$@"'
AS_ANYBODY = 'exec unshare --user --map-user=65532 --map-group=65532 --root="$root" "$@"'


def command(root, data, run, *program):
    """What starts `program` in the image's root."""
    enter = MOUNTS + (AS_ROOT if os.getuid() == 0 else AS_ANYBODY)
    return [*NAMESPACE, "sh", "-c", enter, "sh", root, data, run, *program]


class Box:
    """The writable directories of one container, and what runs with them."""

    def __init__(self, root):
        self.root = root

    def __enter__(self):
        self.directory = tempfile.mkdtemp(prefix="suppressd-", dir="/tmp")
        self.data, self.run_directory = (os.path.join(self.directory, name) for name in ("data", "run"))
        for path in (self.data, self.run_directory):
            os.mkdir(path)
            if os.getuid() == 0:
                os.chown(path, USER, USER)
        os.chmod(self.directory, 0o755)
        return self

    def __exit__(self, *exception):
        shutil.rmtree(self.directory, ignore_errors=True)

    def command(self, *program):
        return command(self.root, self.data, self.run_directory, *program)

    def run(self, *program, stdin=""):
        return harness.run(self.command(*program), stdin)


class Daemon:
    """`suppressd ARGUMENT...` in a box, serving. On leaving the block it gets SIGTERM and must end with 0."""

    def __init__(self, box, *arguments):
        self.box, self.arguments = box, arguments

    def __enter__(self):
        self.log_path = os.path.join(self.box.directory, "log")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                self.box.command("/usr/bin/suppressd", *self.arguments, "--port_file", "/run/suppressd/ports"),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            addresses = harness.wait_for_port_file(self.process, os.path.join(self.box.run_directory, "ports"))
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        self.tcp = next((a for a in addresses if a.startswith("127.0.0.1:")), None)
        return self

    def __exit__(self, exception_type, exception, traceback):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        if exception_type is not None or code != 0:
            with open(self.log_path, encoding="utf-8", errors="replace") as log:
                print("--- log of suppressd, exit code", code, "\n" + log.read(), file=sys.stderr)
        if exception_type is None and code != 0:
            raise AssertionError(f"suppressd ended with {code} after SIGTERM")


def reason_it_cannot_run():
    """None where mount namespaces work; else the sentence that says what does not."""
    with harness.TemporaryDirectory() as directory:
        for name in ("var/lib/suppressd", "run/suppressd", "data", "run2"):
            os.makedirs(os.path.join(directory, name))
        probe = [*NAMESPACE, "sh", "-c", MOUNTS + "exec true", "sh", directory,
                 os.path.join(directory, "data"), os.path.join(directory, "run2")]
        tried = subprocess.run(probe, capture_output=True, text=True, check=False)
    return None if tried.returncode == 0 else f"no mount namespaces here: {tried.stderr.strip()}"
