"""TLS: who is let in, what is said to those who are not, and certificates that are replaced under load."""

import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
import unittest

import certificates
import harness

WAIT_MAX_SECONDS = 60
CHECK = f"{harness.SERVICE}/IsSuppressed"
ADDRESS = '{"address": "ada@example.com"}'


class TlsTest(unittest.TestCase):
    def setUp(self):
        self.scratch = harness.TemporaryDirectory()
        self.directory = self.scratch.__enter__()
        self.addCleanup(self.scratch.__exit__)
        self.certs = certificates.make(os.path.join(self.directory, "certs"), "--client", "ada")

    def check(self, server, *how):
        return harness.grpcurl(*how, "-max-time", "20", "-d", ADDRESS, server.tcp, CHECK)

    def wait_for(self, condition, what):
        deadline = time.monotonic() + WAIT_MAX_SECONDS
        while not condition():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.02)

    def refused(self, *arguments):
        """What a server says that does not start."""
        with harness.TemporaryDirectory() as data:
            for more in ([], ["--check_config"]):
                ended = harness.run([harness.options.suppressd, "serve", "--data_dir", data, "--listen_address",
                                     "127.0.0.1:0", *arguments, *more])
                self.assertEqual(ended.code, 2, str(ended))
        return ended.err

    def test_both_sides_show_a_certificate(self):
        with harness.Server(*certificates.server(self.certs, self.certs)) as server:
            answer = self.check(server, *certificates.grpcurl(self.certs, "ada"))
            self.assertEqual(answer.code, 0, str(answer))
            checked = harness.suppressctl("--target", server.tcp, *certificates.suppressctl(self.certs, "ada"), "check",
                                          "ada@example.com")
            self.assertEqual(checked.code, 0, str(checked))
            with harness.Sidecar(server.tcp, *certificates.upstream(self.certs, "ada")) as sidecar:
                harness.suppressctl("--target", sidecar.target, "suppress", "--note", "test", "bob@example.com")
                checked = harness.suppressctl("--target", sidecar.target, "check", "bob@example.com")
                self.assertEqual(checked.code, 1, str(checked))

    def test_a_unix_socket_stays_plaintext(self):
        with harness.Server(*certificates.server(self.certs, self.certs)) as server:
            checked = harness.suppressctl("--target", "unix:" + server.unix, "check", "ada@example.com")
            self.assertEqual(checked.code, 0, str(checked))

    def test_a_client_without_or_with_a_foreign_or_expired_certificate_is_not_let_in(self):
        foreign = certificates.make(os.path.join(self.directory, "foreign"), "--client", "ada")
        shutil.copytree(self.certs, os.path.join(self.directory, "old"))
        old = certificates.make(os.path.join(self.directory, "old"), "--client", "ada", shift="-60d")
        future = os.path.join(self.directory, "future")
        shutil.copytree(self.certs, future)
        certificates.make(future, "--client", "ada", shift="+60d")
        with harness.Server(*certificates.server(self.certs, self.certs)) as server:
            trusted = ["-cacert", f"{self.certs}/ca.pem"]
            for who in ([], *(["-cert", f"{d}/ada.pem", "-key", f"{d}/ada-key.pem"] for d in (foreign, old, future))):
                answer = self.check(server, *trusted, *who)
                self.assertNotEqual(answer.code, 0, f"{who}: {answer}")
            self.assertEqual(self.check(server, *certificates.grpcurl(self.certs, "ada")).code, 0)

    def test_optional_lets_in_who_has_none_but_not_a_foreign_one(self):
        foreign = certificates.make(os.path.join(self.directory, "foreign"), "--client", "ada")
        with harness.Server(*certificates.server(self.certs, self.certs), "--tls_client_certs", "optional") as server:
            self.assertEqual(self.check(server, "-cacert", f"{self.certs}/ca.pem").code, 0)
            answer = self.check(server, "-cacert", f"{self.certs}/ca.pem", "-cert", f"{foreign}/ada.pem", "-key",
                                f"{foreign}/ada-key.pem")
            self.assertNotEqual(answer.code, 0, str(answer))

    def test_a_server_of_another_authority_or_name_is_not_trusted(self):
        foreign = certificates.make(os.path.join(self.directory, "foreign"))
        with harness.Server(*certificates.server(self.certs)) as server:
            for trust in (["--tls_ca", f"{foreign}/ca.pem"],
                          ["--tls_ca", f"{self.certs}/ca.pem", "--tls_server_name", "other.example.com"]):
                checked = harness.suppressctl("--target", server.tcp, *trust, "--timeout", "2s", "check", "ada@example.com")
                self.assertEqual(checked.code, 2, str(checked))

    def test_plaintext_on_a_tls_port_is_told_so_and_logged_once(self):
        with harness.Server(*certificates.server(self.certs)) as server:
            answer = self.check(server, "-plaintext")
            self.assertNotEqual(answer.code, 0)
            self.assertIn("this port speaks TLS only", answer.err)
            self.wait_for(lambda: "plaintext where TLS is spoken" in server.log(), "the log says nothing")
            lines = [line for line in server.log().splitlines() if "plaintext" in line]
            self.assertLessEqual(len(lines), 2, lines)  # one a second at most, however often the client comes back

    def test_files_that_cannot_be_used_are_refused_at_the_start(self):
        other = certificates.make(os.path.join(self.directory, "other"))
        junk = os.path.join(self.directory, "junk.pem")
        with open(junk, "w", encoding="utf-8") as file:
            file.write("no certificate\n")
        locked = os.path.join(self.directory, "locked.pem")
        subprocess.run(["openssl", "ec", "-in", f"{self.certs}/server-key.pem", "-aes128", "-passout", "pass:x", "-out",
                        locked], check=True, capture_output=True)
        cert, key = f"{self.certs}/server.pem", f"{self.certs}/server-key.pem"
        for files, what in [
                ((cert, f"{self.directory}/none.pem"), "cannot read"),
                ((cert, f"{other}/server-key.pem"), "is not the key of the first certificate"),
                ((junk, key), "holds no PEM certificate"),
                ((cert, junk), "holds no PEM private key"),
                ((cert, locked), "without a passphrase")]:
            self.assertIn(what, self.refused("--tls_cert_file", files[0], "--tls_key_file", files[1]))
        self.assertIn("needs both", self.refused("--tls_cert_file", cert))
        self.assertIn("needs both", self.refused("--tls_client_ca_file", f"{self.certs}/ca.pem"))
        self.assertIn("holds no PEM certificate", self.refused(*certificates.server(self.certs), "--tls_client_ca_file", junk))

    def serial(self, server):
        host, port = server.tcp.rsplit(":", 1)
        return ssl.get_server_certificate((host, int(port)))

    def test_an_expired_certificate_is_served_and_told_of_and_never_taken_for_a_valid_one(self):
        old = certificates.make(os.path.join(self.directory, "old"), shift="-60d")
        with harness.Server(*certificates.server(old)) as server:
            self.wait_for(lambda: "has expired on" in server.log(), "the log says nothing")
            self.assertNotEqual(self.check(server, "-cacert", f"{old}/ca.pem").code, 0)
            self.assertEqual(harness.suppressctl("--target", "unix:" + server.unix, "check", "ada@example.com").code, 0)
        with harness.Server(*certificates.server(self.certs)) as server:
            before = self.serial(server)
            for name in ("server.pem", "server-key.pem"):
                shutil.copy(f"{old}/{name}", f"{self.certs}/{name}.new")
                os.replace(f"{self.certs}/{name}.new", f"{self.certs}/{name}")
            self.wait_for(lambda: "is not taken: the certificate has expired" in server.log(), "it is not refused")
            self.assertEqual(self.serial(server), before)

    def test_half_a_pair_is_not_taken_and_the_whole_one_is(self):
        other = certificates.make(os.path.join(self.directory, "other"))
        with harness.Server(*certificates.server(self.certs)) as server:
            before = self.serial(server)
            shutil.copy(f"{other}/server-key.pem", f"{self.certs}/server-key.pem")
            self.wait_for(lambda: "is not the key of the first certificate" in server.log(), "it is not refused")
            self.assertEqual(self.serial(server), before)
            os.remove(f"{self.certs}/server.pem")
            self.wait_for(lambda: "cannot read" in server.log(), "a file that is gone is not told of")
            self.assertEqual(self.serial(server), before)
            shutil.copy(f"{other}/server.pem", f"{self.certs}/server.pem")
            self.wait_for(lambda: "tls_certificate_replaced" in server.log(), "the pair is not taken")
            self.assertNotEqual(self.serial(server), before)

    def test_certificates_are_replaced_under_load_without_a_failed_call(self):
        """As Kubernetes replaces them: a new directory, and a symbolic link that is moved to it."""
        live = os.path.join(self.directory, "live")

        def swap(turn):
            made = os.path.join(self.directory, f"turn{turn}")
            shutil.copytree(self.certs, made)
            certificates.make(made, "--client", "ada")
            os.symlink(made, live + ".new")
            os.replace(live + ".new", live)

        swap(0)
        failed, calls, stop = [], [0], threading.Event()

        def call(*command):
            while not stop.is_set():
                ended = harness.run(list(command))
                calls[0] += 1
                if ended.code != 0:
                    failed.append(str(ended))

        with harness.Server(*certificates.server(live, live)) as server:
            with harness.Sidecar(server.tcp, *certificates.upstream(live, "ada")) as sidecar:
                new_connections = [harness.options.suppressctl, "--target", server.tcp,
                                   *certificates.suppressctl(live, "ada"), "check", "ada@example.com"]
                through_sidecar = [harness.options.suppressctl, "--target", sidecar.target, "details", "bob@example.com"]
                harness.suppressctl("--target", sidecar.target, "suppress", "--note", "test", "bob@example.com")
                threads = [threading.Thread(target=call, args=command) for command in
                           (new_connections, new_connections, through_sidecar)]
                for thread in threads:
                    thread.start()
                try:
                    for turn in range(1, 6):
                        swap(turn)
                        self.wait_for(lambda wanted=turn: server.log().count("tls_certificate_replaced") >= wanted,
                                      f"turn {turn} is not taken")
                finally:
                    stop.set()
                    for thread in threads:
                        thread.join()
            self.assertEqual(failed, [])
            self.assertGreater(calls[0], 10)
            with open(f"{live}/server.pem", encoding="utf-8") as newest:
                self.assertEqual(self.serial_with(server, live), newest.read())

    def test_the_set_up_of_the_documents_works(self):
        programs = os.path.dirname(os.path.abspath(harness.options.suppressd))
        for document in ("README.md", "docs/security.md"):
            with open(os.path.join(harness.REPOSITORY, document), encoding="utf-8") as file:
                block = next(b for b in re.findall(r"```console\n(.*?)```", file.read(), re.S) if "script/make_certs" in b)
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            block = block.replace(":7025", f":{port}").replace("script/", harness.REPOSITORY + "/script/")
            block = block.replace("status\n", "status && break; sleep 0.1; done\n").replace(
                "suppressctl --target", "for i in {1..600}; do suppressctl --timeout 60s --target")
            where = os.path.join(self.directory, document.replace("/", "-"))
            os.makedirs(where)
            tools = os.path.dirname(os.path.abspath(harness.grpcurl_path()))
            ended = subprocess.run(["bash", "-euc", "trap 'kill $!; wait' EXIT\n" + block], cwd=where, capture_output=True,
                                   text=True, check=False, env={**os.environ, "PATH": f"{programs}:{tools}:{os.environ['PATH']}"})
            self.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)
            self.assertIn("SERVING", ended.stdout)

    def serial_with(self, server, directory):
        """The server's certificate, of a server that wants ours."""
        host, port = server.tcp.rsplit(":", 1)
        shown = subprocess.run(["openssl", "s_client", "-connect", f"{host}:{port}", "-cert", f"{directory}/ada.pem",
                                "-key", f"{directory}/ada-key.pem", "-alpn", "h2"],
                               input=b"", capture_output=True, check=False).stdout.decode(errors="replace")
        begin, end = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----\n"
        return begin + shown.split(begin)[1].split(end)[0] + end


if __name__ == "__main__":
    harness.main()
