"""The settings files of the Debian package: every option of `serve` and `sidecar` has its line with the default, and as
shipped they change nothing."""

import os
import re
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "e2e"))
import harness  # noqa: E402

FOLDER = os.path.join(harness.REPOSITORY, "server", "debian")
FILES = {"serve": ("suppressd.env", "suppressd.service"), "sidecar": ("sidecar.env", "suppressd-sidecar.service")}
# It belongs to a command line: a server with it in its environment would only check and end.
NOT_A_SETTING = {"SUPPRESSD_CHECK_CONFIG"}
FLAG_DEFAULTS = {"SUPPRESSD_INSECURE": "false", "SUPPRESSD_CHANNELZ": "true"}


def read(name):
    with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
        return file.read()


def options_of(command):
    """Name in the environment and default of each option, from --help; the default of an address is in its text."""
    text = harness.run([harness.options.suppressd, command, "--help"]).out
    options = {}
    for spec, name, rest in re.findall(r"^  (--\w+.*?) ?\(Env:(\w+)\)((?:.*\n {10,}.*)*)", text, re.M):
        shown = re.search(r"=(\S+)", spec)
        options[name] = FLAG_DEFAULTS.get(name, shown.group(1) if shown and shown.group(1) != "[]" else "")
        if name == "SUPPRESSD_LISTEN_ADDRESS":
            options[name] = rest.split()[-1]
    return options


def lines_of(text):
    return dict(re.findall(r"^#(SUPPRESSD_\w+)=(.*)$", text, re.M))


class SettingsTest(unittest.TestCase):
    def test_every_option_has_a_line_with_its_default(self):
        for command, (settings, unit) in FILES.items():
            with self.subTest(command=command):
                expected = {name: value for name, value in options_of(command).items() if name not in NOT_A_SETTING}
                self.assertGreater(len(expected), 25)
                # What the unit sets is the package's default.
                given = dict(re.findall(r"^Environment=(\w+)=(.*)$", read(unit), re.M))
                self.assertLessEqual(set(given), set(expected))
                self.assertEqual(lines_of(read(settings)), {**expected, **given})

    def test_each_line_is_explained(self):
        for settings, _ in FILES.values():
            blocks = read(settings).strip().split("\n\n")[1:]
            for block in blocks:
                self.assertRegex(block, r"\A(# .+\n)+#SUPPRESSD_\w+=.*\Z")
            self.assertEqual(len(blocks), len(lines_of(read(settings))))

    def test_as_shipped_nothing_is_set(self):
        for settings, _ in FILES.values():
            self.assertEqual([line for line in read(settings).splitlines() if line and not line.startswith("#")], [])

    def test_the_defaults_are_values_that_are_taken(self):
        """Every line uncommented is a configuration that passes --check_config, and so do the two YAML files."""
        for command, (settings, _) in FILES.items():
            values = lines_of(read(settings))
            values["SUPPRESSD_POLICY_FILE"] = os.path.join(FOLDER, "policy.yaml")
            values["SUPPRESSD_RULES_FILE"] = os.path.join(FOLDER, "rules.yaml")
            if command == "sidecar":
                values["SUPPRESSD_UPSTREAM"] = "127.0.0.1:7025"
            with self.subTest(command=command):
                outcome = harness.run(["env", *(f"{name}={value}" for name, value in values.items()),
                                       harness.options.suppressd, command, "--check_config"])
                self.assertEqual(outcome.code, 0, str(outcome))

    def test_the_examples_in_comments_are_valid_too(self):
        for name, option in (("policy.yaml", "--policy_file"), ("rules.yaml", "--rules_file")):
            text = read(name)
            example = text[text.index("# For example"):].split("\n#\n", 1)[1]
            with self.subTest(file=name), harness.TemporaryDirectory() as directory:
                path = os.path.join(directory, name)
                with open(path, "w", encoding="utf-8") as file:
                    file.write(re.sub("^# ?", "", example, flags=re.M))
                outcome = harness.run([harness.options.suppressd, "serve", "--data_dir", directory, "--check_config",
                                       option, path])
                self.assertEqual(outcome.code, 0, str(outcome))

    def test_a_wrong_setting_is_found_by_the_process_that_systemd_does_not_start_again(self):
        for command, (_, unit) in FILES.items():
            self.assertNotIn("ExecStartPre", re.sub("^#.*", "", read(unit), flags=re.M))
            final = re.search(r"^RestartPreventExitStatus=(\d+)$", read(unit), re.M).group(1)
            for wrong in ("SUPPRESSD_MAX_CALLS=0", "SUPPRESSD_LISTEN_ADDRESS=nonsense", "SUPPRESSD_SOCKET_GROUP=no-such-group",
                          f"SUPPRESSD_RULES_FILE={FOLDER}/suppressd.service"):
                with self.subTest(command=command, wrong=wrong), harness.TemporaryDirectory() as directory:
                    outcome = harness.run(["env", f"SUPPRESSD_DATA_DIR={directory}/data", "SUPPRESSD_UPSTREAM=127.0.0.1:1",
                                           f"SUPPRESSD_LISTEN_ADDRESS=unix:{directory}/s.sock", wrong,
                                           harness.options.suppressd, command])
                    self.assertEqual(str(outcome.code), final, str(outcome))

    def test_a_stop_waits_longer_than_the_drain(self):
        for command, (_, unit) in FILES.items():
            drain = int(options_of(command)["SUPPRESSD_DRAIN_TIMEOUT_SECONDS"])
            self.assertGreaterEqual(int(re.search(r"^TimeoutStopSec=(\d+)$", read(unit), re.M).group(1)), drain + 30)


if __name__ == "__main__":
    harness.main()
