"""What suppressd says when it cannot start: one clear line, an exit code, and nothing harmed."""

import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import unittest

import harness

NEVER_SHOWN = re.compile(r"terminate called|Aborted|Assertion|Segmentation|Sanitizer|backtrace|\bat 0x|^\s*#\d+ ", re.M)


class Startup(unittest.TestCase):
    def setUp(self):
        self.directory = self.enterContext(harness.TemporaryDirectory())
        self.data = os.path.join(self.directory, "data")

    def command(self, *arguments, data=None):
        return [harness.options.suppressd, "serve", "--data_dir", data or self.data, *arguments]

    def start(self, *arguments, prefix=(), data=None, **settings):
        """Starts a server that is expected to end by itself."""
        listen = [] if "--listen_address" in arguments else ["--listen_address", "127.0.0.1:0"]
        completed = subprocess.run([*prefix, *self.command(*listen, *arguments, data=data)], stdin=subprocess.DEVNULL,
                                   capture_output=True, text=True, timeout=harness.START_MAX_SECONDS, check=False,
                                   **settings)
        return harness.Outcome(completed)

    def assert_refused(self, outcome, *words):
        self.assertGreater(outcome.code, 0, f"ended by a signal or with success\n{outcome}")
        said = outcome.err.strip().splitlines()
        self.assertEqual(len(said), 1, f"one line, not {len(said)}\n{outcome}")
        self.assertNotRegex(outcome.err, NEVER_SHOWN)
        for word in words:
            self.assertRegex(outcome.err, re.compile(word, re.IGNORECASE), str(outcome))

    def made_data_directory(self):
        """A data directory with a database in it, made by a server that has ended."""
        port_file = os.path.join(self.directory, "ports")
        process = subprocess.Popen(self.command("--listen_address", "127.0.0.1:0", "--port_file", port_file),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            harness.wait_for_port_file(process, port_file)
        finally:
            process.terminate()
            self.assertEqual(process.wait(60), 0)
        return self.data

    def test_port_in_use_by_another_program(self):
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            self.assert_refused(self.start("--listen_address", f"127.0.0.1:{port}"), f"127.0.0.1:{port}", "in use")

    def test_port_in_use_by_another_suppressd(self):
        with harness.Server() as server:
            self.assert_refused(self.start("--listen_address", server.tcp), server.tcp, "in use")

    def test_socket_in_use_stays_with_its_server(self):
        with harness.Server() as server:
            self.assert_refused(self.start("--listen_address", "unix:" + server.unix),
                                re.escape(server.unix), "in use|another process")
            alive = harness.grpcurl("-plaintext", "-unix", server.unix, "list")
            self.assertEqual(alive.code, 0, str(alive))

    def test_stale_socket_is_replaced(self):
        path = os.path.join(self.directory, "s.sock")
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(path)  # closed without unlink: what a killed server leaves behind
        port_file = os.path.join(self.directory, "ports")
        process = subprocess.Popen(self.command("--listen_address", "unix:" + path, "--port_file", port_file),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self.assertEqual(harness.wait_for_port_file(process, port_file), ["unix:" + path])
            self.assertEqual(harness.grpcurl("-plaintext", "-unix", path, "list").code, 0)
        finally:
            process.terminate()
            self.assertEqual(process.wait(60), 0)
        self.assertFalse(os.path.exists(path), "the socket stays behind after a clean end")

    def test_a_file_in_place_of_the_socket_is_left_alone(self):
        path = os.path.join(self.directory, "precious")
        with open(path, "w", encoding="utf-8") as file:
            file.write("precious")
        self.assert_refused(self.start("--listen_address", "unix:" + path), re.escape(path))
        with open(path, encoding="utf-8") as file:
            self.assertEqual(file.read(), "precious")

    def test_data_directory_below_a_file(self):
        path = os.path.join(self.directory, "file")
        with open(path, "w", encoding="utf-8"):
            pass
        self.assert_refused(self.start(data=path + "/data"), re.escape(path), "not a directory")

    def test_data_directory_not_writable(self):
        os.mkdir(self.data, 0o555)
        # Root may write anywhere, unless it gives that right away.
        prefix = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.getuid() == 0 else []
        self.assert_refused(self.start(prefix=prefix), re.escape(self.data), "permission denied")
        self.assertEqual(os.listdir(self.data), [])

    def test_directory_of_another_program(self):
        os.mkdir(self.data)
        with open(os.path.join(self.data, "mailbox"), "w", encoding="utf-8") as file:
            file.write("precious")
        self.assert_refused(self.start(), re.escape(self.data), "not a suppressd data directory")
        self.assertEqual(os.listdir(self.data), ["mailbox"])

    def test_directory_of_a_newer_version(self):
        path = os.path.join(self.made_data_directory(), "FORMAT")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(re.sub(r"format \d+", "format 99", text))
        self.assert_refused(self.start(), "format 99", "newer suppressd")

    def test_directory_without_its_database(self):
        shutil.rmtree(os.path.join(self.made_data_directory(), "db"))
        self.assert_refused(self.start(), "lost its database", "backup")

    def test_directory_in_use_by_another_process(self):
        with harness.Server() as server:
            self.assert_refused(self.start(data=server.data), "in use by another process")

    def test_disk_full(self):
        os.mkdir(self.data)
        prefix = harness.small_disk(64)
        if prefix is None:  # a limit on the size of files refuses writes as well, under another name
            self.assert_refused(self.start(preexec_fn=limit_file_size), "too large")
        else:
            self.assert_refused(self.start(prefix=[p.replace("DATA", self.data) for p in prefix]), "no space left")

    def test_bad_flags(self):
        for arguments, word in ((["--no_such_option"], "no_such_option"),
                                (["--listen_address", "127.0.0.1:99999"], "listen_address|99999"),
                                (["--listen_address", "nonsense"], "listen_address|nonsense"),
                                (["--listen_address", "unix:"], "listen_address|unix"),
                                (["--listen_address", "unix:/" + "a" * 120], "listen_address|unix|long"),
                                (["--policy_file", "/nonexistent/policy.yaml"], "/nonexistent/policy.yaml"),
                                (["--rules_file", "/nonexistent/rules.yaml"], "/nonexistent/rules.yaml")):
            with self.subTest(arguments=arguments):
                self.assert_refused(self.start(*arguments), word)
                self.assertFalse(os.path.exists(self.data), "a refused command line left a data directory")

    def test_wrong_settings_end_with_a_code_of_their_own(self):
        """The units of the packages do not start again after it."""
        wrong = os.path.join(self.directory, "wrong.yaml")
        with open(wrong, "w", encoding="utf-8") as file:
            file.write("nonsense: [\n")
        for arguments in (["--no_such_option"], ["--max_calls", "0"], ["--listen_address", "nonsense"],
                          ["--listen_address", "0.0.0.0:0"], ["--socket_group", "no-such-group"], ["--policy_file", wrong],
                          ["--rules_file", wrong]):
            for more in [], ["--check_config"]:
                with self.subTest(arguments=arguments + more):
                    outcome = self.start(*arguments, *more)
                    self.assert_refused(outcome)
                    self.assertEqual(outcome.code, 2, str(outcome))
        os.mkdir(self.data)
        with open(os.path.join(self.data, "mailbox"), "w", encoding="utf-8"):
            pass
        self.assertEqual(self.start().code, 1, "what starting again may mend")

    def test_plaintext_beyond_loopback_needs_insecure(self):
        self.assert_refused(self.start("--listen_address", "0.0.0.0:0"), "insecure")

    def test_bad_policy_file(self):
        path = os.path.join(self.directory, "policy.yaml")
        for text in ("default:\n  hard:\n    NO_SUCH_REASON: {action: suppress}\n",
                     "default:\n  hard:\n    MAILBOX_FULL: {expires_after_days: -1}\n", "default: [\n"):
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            with self.subTest(text=text):
                self.assert_refused(self.start("--policy_file", path), r"policy\.yaml:\d+: ")

    def test_bad_rules_file(self):
        path = os.path.join(self.directory, "rules.yaml")
        for text, what in (("off: [no.such.rule]\n", "there is no rule"),
                           ("sender:\n  - {id: mine, match: junk, class: SENDER_SIDE}\n", ".*has no example"),
                           ("sender: [\n", "")):
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            for arguments in ([], ["--check_config"]):
                with self.subTest(text=text, arguments=arguments):
                    self.assert_refused(self.start("--rules_file", path, *arguments), r"rules\.yaml:\d+: " + what)
        self.assertFalse(os.path.exists(self.data), "a refused rules file left a data directory")

    def test_check_config_says_and_touches_nothing(self):
        good = self.start("--check_config")
        self.assertEqual(good.code, 0, str(good))
        self.assert_refused(self.start("--check_config", "--listen_address", "nonsense"), "nonsense|listen_address")
        self.assertFalse(os.path.exists(self.data), "--check_config made a data directory")

    def test_environment_gives_options(self):
        for name, value in (("SUPPRESSD_LISTEN_ADDRESS", "nonsense"), ("SUPPRESSD_RULES_FILE", "/nonsense")):
            completed = subprocess.run(self.command("--check_config"), stdin=subprocess.DEVNULL, capture_output=True,
                                       text=True, env={**os.environ, name: value}, check=False,
                                       timeout=harness.START_MAX_SECONDS)
            self.assert_refused(harness.Outcome(completed), "nonsense")


def limit_file_size():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))


if __name__ == "__main__":
    harness.main()
