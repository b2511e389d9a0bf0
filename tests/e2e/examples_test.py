"""The examples for Python and Go callers, generated, built and run against a real server.

  examples_test.py --suppressd PATH --suppressctl PATH PythonExample|GoExample

Ends with 77, ctest's SKIP_RETURN_CODE, where the language's tools are not installed: script/bootstrap test does that.
"""

import os
import shutil
import subprocess
import sys
import unittest

import harness

SKIPPED = 77
EXAMPLES = os.path.join(harness.REPOSITORY, "client", "examples")
TOOLS = os.path.join(harness.REPOSITORY, ".tools", "bin") + os.pathsep + os.environ["PATH"]
REPLY = "550 5.1.1 <grace@example.com>: User unknown"
SEND, DO_NOT_SEND, FAILED = 0, 1, 2
BUILD_MAX_SECONDS = 500


def python_with_grpc():
    """A Python that has grpcio and protobuf; None: there is none. Debian's packages are for its own Python only."""
    for path in (sys.executable, "/usr/bin/python3"):
        if os.path.exists(path) and subprocess.run([path, "-c", "import grpc, google.protobuf"], capture_output=True,
                                                   check=False).returncode == 0:
            return path
    return None


def missing(*programs):
    return [name for name in programs if shutil.which(name, path=TOOLS) is None]


def build(*command, cwd=None):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=BUILD_MAX_SECONDS, check=False)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def fresh_directory(name):
    """A new directory beside the programs under test, in the build directory."""
    path = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(harness.options.suppressd))), "examples", name)
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    return path


class Example:
    """What every example does. A subclass makes `command` and `environment`."""

    environment = {}

    def run_example(self, target, *arguments):
        environment = {**os.environ, **self.environment, "SUPPRESSION_TARGET": target}
        return harness.Outcome(subprocess.run([*self.command, *arguments], env=environment, capture_output=True,
                                              text=True, timeout=harness.CALL_MAX_SECONDS, check=False))

    def expect(self, outcome, code, *lines):
        self.assertEqual((outcome.code, outcome.out.splitlines()), (code, list(lines)), str(outcome))

    def test_a_bounce_is_reported_and_blocks_its_address(self):
        with harness.Server() as server:
            for target in ("unix:" + server.unix, server.tcp):
                address = f"grace{len(target)}@example.com"
                self.expect(self.run_example(target, address), SEND, "before: send")
                self.expect(self.run_example(target, address, REPLY), DO_NOT_SEND, "before: send",
                            "report: ADDRESS_NOT_FOUND SUPPRESSED AT_SERVER",
                            "after: do not send: HARD_BOUNCE ADDRESS_NOT_FOUND")
                self.expect(self.run_example(target, address), DO_NOT_SEND,
                            "before: do not send: HARD_BOUNCE ADDRESS_NOT_FOUND")

    def test_an_error_is_an_error(self):
        with harness.Server() as server:
            malformed = self.run_example(server.tcp, "no address")
            self.assertEqual((malformed.code, malformed.out), (FAILED, ""), str(malformed))
            self.assertNotEqual(malformed.err, "")
        with harness.TemporaryDirectory() as directory:
            nobody = self.run_example("unix:" + os.path.join(directory, "nobody.sock"), "grace@example.com")
            self.assertEqual((nobody.code, nobody.out), (FAILED, ""), str(nobody))


class PythonExample(Example, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        generated = fresh_directory("python")
        build(os.path.join(EXAMPLES, "generate"), "python", generated)
        cls.command = [python_with_grpc(), os.path.join(EXAMPLES, "python", "check.py")]
        cls.environment = {"PYTHONPATH": generated, "PYTHONDONTWRITEBYTECODE": "1"}


class GoExample(Example, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        directory = fresh_directory("go")
        for name in ("go.mod", "go.sum", "main.go"):
            shutil.copy(os.path.join(EXAMPLES, "go", name), directory)
        build(os.path.join(EXAMPLES, "generate"), "go", directory)
        build("go", "vet", ".", cwd=directory)
        build("go", "build", "-buildvcs=false", "-o", "check", ".", cwd=directory)
        cls.command = [os.path.join(directory, "check")]


def what_is_missing(language):
    if language == "PythonExample":
        return missing("protoc", "grpc_python_plugin") + ([] if python_with_grpc() else ["grpcio and protobuf"])
    return missing("protoc", "go", "protoc-gen-go", "protoc-gen-go-grpc")


if __name__ == "__main__":
    absent = what_is_missing(sys.argv[-1])
    if absent:
        print(f"skipped: no {', '.join(absent)} here; script/bootstrap test installs what is missing")
        sys.exit(SKIPPED)
    harness.main()
