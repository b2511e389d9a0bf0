"""Who may do what: tokens, certificates, Unix peers and JSON Web Tokens against a running server and sidecar."""

import base64
import functools
import hashlib
import json
import os
import re
import signal
import subprocess
import time
import unittest

import certificates
import harness

WAIT_MAX_SECONDS = 60
CHECK = f"{harness.SERVICE}/IsSuppressed"
ISSUER, AUDIENCE = "https://issuer.example.com", "suppressd"
ACCESS = """identities:
  - {name: sender, tokens: [sender], grants: [{roles: [checker, reporter], tenants: [shop]}]}
  - {name: desk, tokens: [desk], grants: [{roles: [support], tenants: ["*"]}]}
  - {name: ops, certificates: ["dns:ada"], grants: [{roles: [admin], tenants: ["*"]}]}
  - {name: local, unix: [{uid: UID}], grants: [{roles: [viewer], tenants: ["*"]}]}
  - {name: batch, jwt: [{subject: batch}], grants: [{roles: [operator], tenants: ["*"]}]}
  - {name: sidecar, tokens: [sidecar], grants: [{roles: [replicator, operator], tenants: ["*"]}]}
"""


def write(path, text, mode=0o600):
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path + ".new", mode)
    os.replace(path + ".new", path)


def encoded(data):
    return base64.urlsafe_b64encode(data if isinstance(data, bytes) else data.encode()).rstrip(b"=").decode()


class AccessTest(unittest.TestCase):
    def setUp(self):
        scratch = harness.TemporaryDirectory()
        self.directory = scratch.__enter__()
        self.addCleanup(scratch.__exit__)
        self.certs = certificates.make(os.path.join(self.directory, "certs"), "--client", "ada", "--client", "eve")
        self.access = os.path.join(self.directory, "access.yaml")
        write(self.access, ACCESS.replace("UID", str(os.getuid())))
        self.tokens = os.path.join(self.directory, "tokens")
        write(self.tokens, "".join(f"{name} {hashlib.sha256(f'{name}-token'.encode()).hexdigest()}\n"
                                   for name in ("sender", "desk", "sidecar")))
        for name in ("sender", "desk", "sidecar"):
            write(self.token_file(name), f"{name}-token\n")
        self.key = os.path.join(self.directory, "signer.pem")
        subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", self.key],
                       check=True, capture_output=True)
        self.jwks = os.path.join(self.directory, "jwks.json")
        write(self.jwks, json.dumps({"keys": [self.jwk()]}))

    def token_file(self, name):
        return os.path.join(self.directory, f"{name}.token")

    def jwk(self):
        text = subprocess.run(["openssl", "ec", "-in", self.key, "-pubout", "-outform", "DER"], check=True,
                              capture_output=True).stdout
        return {"kty": "EC", "crv": "P-256", "kid": "one", "x": encoded(text[-64:-32]), "y": encoded(text[-32:])}

    def jwt(self, **claims):
        text = ".".join(encoded(json.dumps(part)) for part in (
            {"alg": "ES256", "kid": "one"},
            {"iss": ISSUER, "aud": AUDIENCE, "sub": "batch", "exp": int(time.time()) + 600, **claims}))
        der = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.key], input=text.encode(), check=True,
                             capture_output=True).stdout
        numbers, at = [], 2
        for _ in range(2):
            size = der[at + 1]
            numbers.append(der[at + 2:at + 2 + size].lstrip(b"\0").rjust(32, b"\0"))
            at += 2 + size
        return text + "." + encoded(b"".join(numbers))

    def options(self):
        return [*certificates.server(self.certs, self.certs), "--tls_client_certs", "optional", "--access_file", self.access,
                "--token_file", self.tokens, "--jwks_file", self.jwks, "--jwt_issuer", ISSUER, "--jwt_audience", AUDIENCE]

    def ask(self, server, method, message, token=None, client=None):
        """A call by grpcurl; without reflection, which not everyone may use."""
        who = ["-H", f"authorization: Bearer {token}"] if token else []
        protos = ["-import-path", os.path.join(harness.REPOSITORY, "protos"), "-proto",
                  "suppressd/v1/suppression_service.proto"]
        return harness.grpcurl(*certificates.grpcurl(self.certs, client), *protos, *who, "-d", json.dumps(message), server.tcp,
                               f"{harness.SERVICE}/{method}")

    def test_each_kind_of_identity_may_what_its_roles_say(self):
        check = {"address": "jo@example.com"}
        with harness.Server(*self.options()) as server:
            for who, message, may in [
                    ({"token": "sender-token"}, check, True),  # its only list is filled in
                    ({"token": "sender-token"}, {**check, "tenant": "news"}, False),
                    ({"token": "desk-token"}, check, True), ({"client": "ada"}, check, True),
                    ({"token": self.jwt()}, check, True), ({"token": self.jwt(sub="other")}, check, None),
                    ({"token": self.jwt(aud="other")}, check, None), ({"token": self.jwt(exp=1)}, check, None),
                    ({"token": "wrong"}, check, None), ({"client": "eve"}, check, None), ({}, check, None)]:
                answer = self.ask(server, "IsSuppressed", message, **who)
                if may:
                    self.assertEqual(answer.code, 0, f"{who}: {answer}")
                else:
                    self.assertIn("PermissionDenied" if may is False else "Unauthenticated", answer.err, str(who))
                    self.assertIn("ErrorInfo", answer.err)
            local = harness.suppressctl("--target", "unix:" + server.unix, "check", "jo@example.com")
            self.assertEqual(local.code, 0, str(local))
            denied = harness.suppressctl("--target", "unix:" + server.unix, "suppress", "--note", "x", "jo@example.com")
            self.assertIn("ACCESS_DENIED", denied.err)
            log = server.log_at_end()
        self.assertIn('"event":"access_denied","identity":"sender"', log)
        self.assertNotIn("jo@example.com", log)
        self.assertNotIn("sender-token", log)

    def test_who_made_a_change_is_recorded_beside_whom_it_was_for(self):
        with harness.Server(*self.options()) as server:
            ctl = ["--target", server.tcp, *certificates.suppressctl(self.certs)]
            ada = ["--tls_cert", f"{self.certs}/ada.pem", "--tls_key", f"{self.certs}/ada-key.pem"]
            done = harness.suppressctl(*ctl, *ada, "suppress", "--note", "x", "--on_behalf_of", "jane", "jo@example.com")
            self.assertEqual(done.code, 0, str(done))
            desk = ["--token_file", self.token_file("desk")]
            shown = harness.suppressctl(*ctl, *desk, "-o", "json", "details", "jo@example.com").json()[0]
            cause = shown["suppression"]["causes"][0]
            self.assertEqual((cause["actor"], cause["onBehalfOf"]), ("ops", "jane"))
            lifted = harness.suppressctl(*ctl, *desk, "reactivate", "jo@example.com", "--note", "y", "--cause", "MANUAL")
            self.assertEqual(lifted.code, 0, str(lifted))
            self.assertIn("by desk: y", harness.suppressctl(*ctl, *desk, "details", "jo@example.com").out)

    def test_a_sidecar_comes_with_a_token_and_has_an_access_file_of_its_own(self):
        own = os.path.join(self.directory, "sidecar.yaml")
        write(own, f"identities: [{{name: app, unix: [{{uid: {os.getuid()}}}], grants: [{{roles: [operator], tenants: ['*']}}]}}]")
        with harness.Server(*self.options()) as server:
            with harness.Sidecar(server.tcp, "--upstream_ca_file", f"{self.certs}/ca.pem", "--upstream_token_file",
                                 self.token_file("sidecar"), "--access_file", own) as sidecar:
                taken = harness.suppressctl("--target", sidecar.target, "suppress", "--note", "x", "jo@example.com")
                self.assertEqual(taken.code, 0, str(taken))
                self.assertEqual(harness.suppressctl("--target", sidecar.target, "check", "jo@example.com").code, 1)
                details = harness.suppressctl("--target", sidecar.target, "-o", "json", "details", "jo@example.com")
                self.assertEqual(details.code, 0, str(details))
                cause = details.json()[0]["suppression"]["causes"][0]
                self.assertEqual((cause["actor"], cause["onBehalfOf"]), ("sidecar", "app"))
                taken = harness.suppressctl("--target", sidecar.target, "suppress", "--note", "x", "--on_behalf_of", "jane",
                                            "jim@example.com")
                self.assertEqual(taken.code, 0, str(taken))
                details = harness.suppressctl("--target", sidecar.target, "-o", "json", "details", "jim@example.com")
                self.assertEqual(details.json()[0]["suppression"]["causes"][0]["onBehalfOf"], "app for jane")
                consent = harness.suppressctl("--target", sidecar.target, "suppress", "--type", "COMPLAINT", "--note", "x",
                                              "jo@example.com")
                self.assertIn("ACCESS_DENIED", consent.err)

    def test_a_tenant_that_asks_too_much_is_told_when_to_come_again_and_keeps_nobody_out(self):
        quotas = os.path.join(self.directory, "quotas.yaml")
        write(quotas, "quotas:\n- {tenant: shop, checks_per_second: 1, writes_per_second: 1, listings_per_second: 1}\n")
        ask = {"address": "jo@example.com", "tenant": "shop"}
        report = {"tenant": "shop", "smtp_reply": {"recipient": "jo@example.com", "text": "550 5.1.1 no such user"}}
        with harness.Server("--quota_file", quotas) as server:
            def call(method, message):
                return harness.grpcurl("-plaintext", "-d", json.dumps(message), server.tcp,
                                       f"{harness.SERVICE}/{method}")
            # An hour's worth at once, which is let in; what comes next waits for an hour.
            batch = {"tenant": "shop", "addresses": ["jo@example.com"] * 1000}
            for _ in range(4):
                call("BatchIsSuppressed", batch)
            refused = call("IsSuppressed", ask)
            self.assertNotEqual(refused.code, 0)
            for said in ("QUOTA_EXCEEDED", "tenant:shop", "checks: 1 a second", "retry_delay"):
                self.assertIn(said, refused.err + refused.out)
            self.assertNotEqual(call("BatchIsSuppressed", {**batch, "addresses": []}).code, 0)
            self.assertEqual(call("IsSuppressed", {**ask, "tenant": "news"}).code, 0)
            self.assertEqual(call("ReportBounce", report).code, 0, "each kind for itself")
            shown = harness.suppressctl("--target", server.tcp, "--tenant", "shop", "check", "jo@example.com")
            self.assertIn("QUOTA_EXCEEDED", shown.err)
            # What is wrong with a new file is logged, and the old one stays; a right one is taken.
            write(quotas, "quotas:\n- {tenant: shop, cheks_per_second: 1}\n")
            self.wait_for(server, "quotas_refused")
            self.assertIn("quotas.yaml:2", server.log())
            self.assertNotEqual(call("IsSuppressed", ask).code, 0)
            write(quotas, "quotas:\n- {tenant: shop, checks_per_second: 1000}\n")
            self.wait_for(server, "quotas_reloaded")
            self.assertEqual(call("IsSuppressed", ask).code, 0)
        with harness.TemporaryDirectory() as data:
            write(quotas, "quotas:\n- {tenant: Shop}\n")
            ended = harness.run([harness.options.suppressd, "serve", "--data_dir", data, "--listen_address", "127.0.0.1:0",
                                 "--quota_file", quotas])
            self.assertEqual(ended.code, 2, str(ended))
            self.assertRegex(ended.err, "quota_file: .*quotas.yaml:2: .*no name of a tenant")

    def wait_for(self, server, what):
        deadline = time.monotonic() + WAIT_MAX_SECONDS
        while what not in server.log():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.02)

    def test_files_are_taken_when_they_change_and_refused_when_they_are_wrong(self):
        check = {"address": "jo@example.com", "tenant": "news"}
        with harness.Server(*self.options()) as server:
            wait_for = functools.partial(self.wait_for, server)
            self.assertNotEqual(self.ask(server, "IsSuppressed", check, "sender-token").code, 0)
            write(self.access, ACCESS.replace("UID", "0").replace("tenants: [shop]", "tenants: [shop, newss") + "\n")
            wait_for("access_refused")
            self.assertNotEqual(self.ask(server, "IsSuppressed", check, "sender-token").code, 0)
            self.assertEqual(self.ask(server, "IsSuppressed", {"address": "a@example.com"}, "sender-token").code, 0)
            write(self.access, ACCESS.replace("UID", "0").replace("tenants: [shop]", "tenants: [shop, news]"))
            wait_for("access_reloaded")
            self.assertEqual(self.ask(server, "IsSuppressed", check, "sender-token").code, 0)
            write(self.tokens, f"sender {hashlib.sha256(b'new').hexdigest()}\n", 0o644)
            wait_for("can be read by everyone")
            self.assertEqual(self.ask(server, "IsSuppressed", check, "sender-token").code, 0)
            os.chmod(self.tokens, 0o640)
            server.process.send_signal(signal.SIGHUP)
            deadline = time.monotonic() + WAIT_MAX_SECONDS
            while self.ask(server, "IsSuppressed", check, "new").code != 0:
                self.assertLess(time.monotonic(), deadline)
            self.assertIn("Unauthenticated", self.ask(server, "IsSuppressed", check, "sender-token").err)

    def test_wrong_files_keep_a_server_from_starting_with_file_and_line(self):
        for change, what in [
                (lambda: write(self.access, "identities:\n- {name: a, grants: [{roles: [boss], tenants: [a]}]}\n"),
                 r'access.yaml:2: unknown role "boss"'),
                (lambda: os.remove(self.access), "cannot read .*access.yaml"),
                (lambda: write(self.tokens, "a b\n"), "tokens:1: the second word is no SHA-256"),
                (lambda: os.chmod(self.tokens, 0o644), "tokens can be read by everyone"),
                (lambda: write(self.jwks, "{}"), "jwks.json: is no JSON Web Key Set")]:
            self.setUp()
            change()
            with harness.TemporaryDirectory() as data:
                for more in ([], ["--check_config"]):
                    ended = harness.run([harness.options.suppressd, "serve", "--data_dir", data, "--listen_address",
                                         "127.0.0.1:0", *self.options(), *more])
                    self.assertEqual(ended.code, 2, str(ended))
                    self.assertRegex(ended.err, what)

    def test_the_examples_of_the_document_are_right(self):
        with open(os.path.join(harness.REPOSITORY, "docs", "access.md"), encoding="utf-8") as file:
            text = file.read()
        write(self.access, re.search(r"```yaml\n(.*?)```", text, re.S)[1])
        asked, said = re.search(r"^\$ suppressctl (access .*)\n((?:.+\n)*?)```", text, re.M).groups()
        explained = harness.suppressctl(*asked.replace("access.yaml", self.access).split())
        self.assertEqual((explained.code, explained.out), (0, said), str(explained))
        write(os.path.join(self.directory, "quotas.yaml"), re.search(r"```yaml\n(quotas:.*?)```", text, re.S)[1])
        line = next(line for line in text.splitlines() if line.startswith("echo "))
        write(self.tokens, "")
        made = subprocess.run(["bash", "-ec", f"token=$(openssl rand -hex 32); {line}; echo $token > token"], cwd=self.directory,
                              capture_output=True, check=False)
        self.assertEqual(made.returncode, 0, made.stderr)
        with harness.Server(*self.options(), "--quota_file", os.path.join(self.directory, "quotas.yaml")) as server:
            answer = harness.suppressctl("--target", server.tcp, *certificates.suppressctl(self.certs), "--token_file",
                                         os.path.join(self.directory, "token"), "--tenant", "other", "check", "a@example.com")
            self.assertIn("ACCESS_DENIED", answer.err)  # known, but not from this address: networks


if __name__ == "__main__":
    harness.main()
