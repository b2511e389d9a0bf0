#!/usr/bin/env python3
"""Each option of the programs is a value of its chart, with the same default and range, and the programs take what the
charts pass."""
import json
import re
import pathlib
import tempfile
import unittest

import yaml

import charts
from charts import Chart, ROOT, SERVER, SIDECAR, containers, merged

POLICY = "default:\n  complaint: {action: record}\n"
RULES = "words:\n  gone: 'parti'\n"
ACCESS = "identities:\n- {name: a, grants: [{roles: [checker], tenants: ['*']}]}\n"
QUOTAS = "quotas:\n- {tenant: '*', checks_per_second: 100}\n"
# RFC 7515, appendix A.3.
JWKS = """{"keys": [{"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"""
# Values for options that are no number and no choice.
TEXTS = {"data_dir": "/var/lib/suppressd/data", "policy_file": "/etc/suppressd/policy/policy.yaml",
         "rules_file": "/etc/suppressd/rules/rules.yaml", "log_key_file": "/etc/suppressd/log-key/key",
         "port_file": "/var/lib/suppressd/ports", "socket_mode": "0600",
         "socket_group": "65532", "upstream": "suppressd:7025", "replica_id": "here", "accept_clock": "2026-11-28",
         "tenants": ["shop", "news"], "backup_dir": "/var/backups/suppressd/backups", "management_address": "127.0.0.1:7026",
         **{name: f"/mnt/{name}" for name in ("tls_cert_file", "tls_key_file", "tls_client_ca_file", "access_file", "token_file",
                                              "jwks_file", "quota_file", "upstream_ca_file", "upstream_cert_file", "upstream_key_file",
                                              "upstream_token_file")},
         "jwt_issuer": "https://issuer.example.com", "jwt_audience": "suppressd", "upstream_server_name": "suppressd"}
FLAGS = {"insecure": False, "upstream_tls": True, "channelz": False, "check_config": True}


class Option:
    """One row of `--help`."""

    def __init__(self, name, kind, default):
        self.name = name
        self.key = re.sub("_(.)", lambda found: found[1].upper(), name)
        numbers = re.search(r"INT in \[(\d+) - (\d+)\]", kind)
        self.range = (int(numbers[1]), int(numbers[2])) if numbers else None
        choices = re.search(r"\{([a-z]+(?:,[a-z]+)+)\}", kind)
        self.choices = choices[1].split(",") if choices else None
        self.default = default

    def another(self, listen):
        """A value that is not the default."""
        if self.range:
            return self.range[0] + 1
        if self.choices:
            return next(choice for choice in self.choices if choice != self.default)
        return {"listen_address": listen, **TEXTS, **FLAGS}[self.name]


def options_of(command):
    result = charts.run(charts.programs.suppressd, command, "--help")
    assert result.returncode == 0, result.stderr
    rows = re.findall(r"^ {2}(?:-\w,)?--(\w+)\s*(.*?)\s*(?:\(Env:\w+\))?\s*$", result.stdout, re.M)
    found = []
    for name, kind in rows:
        default = re.search(r"=([^\[\s]+)$", kind)
        found.append(Option(name, kind, default[1] if default else None))
    assert len(found) > 20, result.stdout
    return [option for option in found if option.name != "help"]


def arguments(pod, program):
    """Those of each container that runs the program."""
    return [container["args"] for part in containers(pod) for container in part if container.get("args", [""])[0] == program]


class Program:
    """A chart beside the program that it runs."""

    def __init__(self, command, chart, folder, kind, listen, key=""):
        self.command, self.chart, self.kind, self.key, self.listen = command, chart, kind, key, listen
        values = (folder / "values.yaml").read_text()
        self.defaults = yaml.safe_load(values)["config"]
        config = values[values.index("\nconfig:"):]
        # The first of a name is that of config, which has the most.
        self.comments = {name: text for text, name in reversed(re.findall(r"^  # (.*)\n  (\w+):", config, re.M))}
        self.schema = json.loads((folder / "values.schema.json").read_text())["properties"]["config"]["properties"]
        self.options = options_of(command)

    def pod(self, config, **more):
        values = merged({"config": config}, more)
        return self.chart.object(self.kind, {self.key: values} if self.key else values)["spec"]["template"]["spec"]

    def everything(self):
        return {option.key: option.another(self.listen) for option in self.options}


def programs():
    server = Chart("suppressd", SERVER)
    sender = Chart("examples/sender", SIDECAR, dependencies=True)
    yield Program("serve", server, ROOT / "helm" / "suppressd", "StatefulSet", ["0.0.0.0:7025", "unix:/tmp/s.sock"])
    yield Program("sidecar", sender, ROOT / "helm" / "suppressd-sidecar", "Deployment",
                  ["unix:/run/suppressd/s.sock", "127.0.0.1:7025"], "suppressd-sidecar")


class Options(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.programs = list(programs())
        with tempfile.TemporaryDirectory() as scratch:
            made = charts.run(str(ROOT / "script" / "make_certs"), scratch)
            assert made.returncode == 0, made.stderr
            text = {path.name: path.read_text() for path in pathlib.Path(scratch).iterdir()}
        cls.files = {"tls_cert_file": text["server.pem"], "tls_key_file": text["server-key.pem"],
                     "tls_client_ca_file": text["ca.pem"], "upstream_ca_file": text["ca.pem"],
                     "upstream_cert_file": text["client.pem"], "upstream_key_file": text["client-key.pem"],
                     "upstream_token_file": "s3cret", "access_file": ACCESS, "token_file": "# none yet\n", "jwks_file": JWKS,
                     "quota_file": QUOTAS}

    def test_the_values_of_config_are_the_options(self):
        for program in self.programs:
            self.assertEqual(set(program.defaults), {option.key for option in program.options}, program.command)

    def test_every_option_is_passed_with_its_value(self):
        for program in self.programs:
            passed = sum(arguments(program.pod(program.everything()), program.command), [])
            for option in program.options:
                value = option.another(program.listen)
                for one in value if isinstance(value, list) else [value]:
                    text = str(one).lower() if isinstance(one, bool) else str(one)
                    self.assertIn(f"--{option.name}={text}", passed)

    def test_defaults_ranges_and_choices_are_those_of_the_program(self):
        for program in self.programs:
            for option in program.options:
                with self.subTest(program=program.command, option=option.name):
                    self.check(program, option)

    def check(self, program, option):
        schema, comment, value = program.schema[option.key], program.comments[option.key], program.defaults[option.key]
        if option.range:
            self.assertEqual((schema["minimum"], schema["maximum"]), option.range)
            self.assertIn("{} to {}".format(*option.range), comment)
        if option.choices:
            self.assertEqual({choice for choice in schema["enum"] if choice}, set(option.choices))
        if (option.range or option.choices) and value is None:
            self.assertIn(f"null: {option.default}.", comment)
        if option.range and value is not None:
            self.assertEqual(str(value), option.default)

    def test_the_programs_take_what_the_charts_pass(self):
        for program in self.programs:
            files = {"policy": {"content": POLICY}, "rules": {"content": RULES}} if program.command == "serve" else {
                "policy": {"existingConfigMap": "mine"}, "rules": {"existingConfigMap": "mine"}}
            files["logKey"] = {"existingSecret": "mine"}
            for pod in program.pod({}), program.pod({}, **files), program.pod(program.everything()):
                for passed in arguments(pod, program.command):
                    self.assertEqual(self.checked(passed), (0, "the configuration is fine"))

    def test_a_bad_policy_is_found_where_the_chart_mounts_it(self):
        program = self.programs[0]
        passed = arguments(program.pod({}, policy={"content": "strange: 1\n"}), "serve")[0]
        code, text = self.checked(passed, "strange: 1\n")
        self.assertNotEqual(code, 0)
        self.assertIn("policy.yaml:1", text)

    def checked(self, passed, policy=POLICY):
        """What --check_config says to these arguments, with every path moved into a scratch folder."""
        with tempfile.TemporaryDirectory() as scratch:
            for name, text in (("policy", policy), ("rules", RULES)):
                folder = pathlib.Path(scratch, "etc/suppressd", name)
                folder.mkdir(parents=True)
                (folder / f"{name}.yaml").write_text(text)
            mounted = pathlib.Path(scratch, "mnt")
            mounted.mkdir()
            for name, text in self.files.items():
                (mounted / name).write_text(text)
                (mounted / name).chmod(0o600)
            key = pathlib.Path(scratch, "etc/suppressd/log-key/key")
            key.parent.mkdir()
            key.write_text("0123456789abcdef" * 2)
            key.chmod(0o440)
            moved = [re.sub("^(--\\w+=(?:unix:)?)/", rf"\1{scratch}/", argument) for argument in passed]
            more = [] if "--check_config=true" in moved else ["--check_config"]
            result = charts.run(charts.programs.suppressd, *moved, *more)
            return result.returncode, (result.stdout + result.stderr).strip()


if __name__ == "__main__":
    charts.main()
