"""The image of script/image: what is in it, that it is the same each time, and that it serves from its own root file system,
read-only and as 65532. Skipped (77) where neither root nor a user may make mount namespaces."""

import base64
import hashlib
import json
import os
import re
import signal
import stat
import subprocess
import sys
import tarfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "e2e"))
import harness  # noqa: E402
import rooted  # noqa: E402

SKIPPED = 77
END_MAX_SECONDS = 30
UNPACKED_MAX_BYTES = 60_000_000
SOURCE = "https://example.com/suppressd"
CTL = "/usr/bin/suppressctl"
# What a bounce says in words that the rules know in that language only, so that it is understood when it is decoded.
GERMAN, FRENCH, RUSSIAN = "Empfänger unbekannt", "La boîte aux lettres est pleine", "пользователь не найден"
JAPANESE, CHINESE, KOREAN = "宛先のユーザーは存在しません", "系统找不到该地址", "계정이 존재하지 않습니다"
CHARSETS = {"iso-8859-1": GERMAN, "iso-8859-15": FRENCH, "windows-1252": FRENCH, "cp850": FRENCH, "utf-8": RUSSIAN,
            "koi8-r": RUSSIAN, "windows-1251": RUSSIAN, "iso-8859-5": RUSSIAN, "shift_jis": JAPANESE,
            "iso-2022-jp": JAPANESE, "euc-jp": JAPANESE, "gb18030": CHINESE, "gb2312": CHINESE, "big5": "用戶不存在",
            "euc-kr": KOREAN, "iso-8859-2": "użytkownik nie istnieje", "iso-8859-9": "kullanıcı bulunamadı",
            "utf-16": CHINESE, "utf-7": CHINESE}
HTML = """<html>
<head><meta http-equiv="Content-Type" content="text/html; charset=%s"></head>
<body><p>&lt;ada@example.com&gt;:</p><p>550 %s</p></body></html>"""


def build(out, **environment):
    made = subprocess.run([os.path.join(harness.REPOSITORY, "script", "image"), "--out", out, "--source", SOURCE,
                           "--bin", os.path.dirname(harness.options.suppressd)],
                          capture_output=True, text=True, env={**os.environ, **environment}, check=False)
    if made.returncode != 0:
        raise AssertionError(f"script/image failed\n{made.stdout}\n{made.stderr}")
    return made.stdout


def files_below(root):
    """Path in the image and path here, of everything that is no directory."""
    for directory, _, names in os.walk(root):
        for name in names:
            here = os.path.join(directory, name)
            yield "/" + os.path.relpath(here, root), here


def is_elf(path):
    with open(path, "rb") as content:
        return content.read(4) == b"\x7fELF"


def bounce(charset, label, words):
    """A bounce whose only text is HTML in `charset`; `label` is what its own <meta> says."""
    body = base64.encodebytes((HTML % (label, words)).encode(charset)).decode()
    return ("From: mailer-daemon@mx.example.net\nTo: news@example.org\nSubject: Undelivered Mail Returned to Sender\n"
            "Date: Fri, 27 Nov 2026 10:00:00 +0000\nMIME-Version: 1.0\n"
            f"Content-Type: text/html; charset={charset}\nContent-Transfer-Encoding: base64\n\n{body}")


class ImageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # Not below /tmp's sticky directory of another user: 65532 must be able to walk to it.
        cls.out = os.path.join(cls.enterClassContext(harness.TemporaryDirectory()), "image")
        os.chmod(os.path.dirname(cls.out), 0o755)
        cls.said = build(cls.out)
        print(cls.said, file=sys.stderr)
        cls.root = os.path.join(cls.out, "root")
        with open(os.path.join(cls.out, "suppressd.spdx.json"), encoding="utf-8") as sbom:
            cls.sbom = json.load(sbom)

    def box(self):
        return self.enterContext(rooted.Box(self.root))

    # What is in it

    def test_it_is_small(self):
        unpacked = int(re.search(r"unpacked (\d+) bytes", self.said).group(1))
        self.assertLessEqual(unpacked, UNPACKED_MAX_BYTES)

    def test_only_the_two_programs_can_be_started(self):
        self.assertEqual(sorted(os.listdir(os.path.join(self.root, "usr/bin"))), ["suppressctl", "suppressd"])
        libraries = re.compile(r"\.so(\.[0-9.]+)?$")
        for path, here in files_below(self.root):
            if path.startswith("/usr/bin/") or os.path.islink(here):
                continue
            mode = os.stat(here).st_mode
            self.assertFalse(mode & (stat.S_ISUID | stat.S_ISGID), path)
            if mode & 0o111:
                self.assertRegex(path, libraries)
            with open(here, "rb") as content:
                self.assertNotEqual(content.read(2), b"#!", path)

    def test_every_program_finds_its_libraries_inside(self):
        multiarch = os.path.join("/usr/lib", subprocess.check_output(["gcc", "-print-multiarch"], text=True).strip())
        count = 0
        for path, here in files_below(self.root):
            if not is_elf(os.path.realpath(here)):
                continue
            count += 1
            shown = subprocess.check_output(["readelf", "-dl", here], text=True)
            places = [multiarch] + [place.replace("$ORIGIN", os.path.dirname(path)) for place in
                                    re.findall(r"\(RU?N?PATH\).*\[(.*)\]", shown)]
            for library in re.findall(r"\(NEEDED\).*\[(.*)\]", shown):
                self.assertTrue(any(os.path.exists(self.root + os.path.join(p, library)) for p in places),
                                f"{path} needs {library}")
            for loader in re.findall(r"program interpreter: (.*)\]", shown):
                inside = subprocess.run([*rooted.NAMESPACE, "chroot", self.root, loader, "--version"], capture_output=True,
                                        check=False)
                self.assertEqual(inside.returncode, 0, f"{loader} of {path}: {inside.stderr}")
        self.assertGreater(count, 80)

    def test_the_sbom_names_the_package_of_every_file(self):
        packages = {package["SPDXID"]: package for package in self.sbom["packages"]}
        package_of = {r["relatedSpdxElement"]: packages[r["spdxElementId"]] for r in self.sbom["relationships"]
                      if r["relationshipType"] == "CONTAINS" and r["spdxElementId"] != "SPDXRef-Image"}
        listed = {file["fileName"][1:]: file for file in self.sbom["files"]}
        present = {path: here for path, here in files_below(self.root) if not os.path.islink(here)}
        self.assertEqual(set(listed), set(present))
        for path, file in listed.items():
            with open(present[path], "rb") as content:
                digest = hashlib.sha256(content.read()).hexdigest()
            self.assertIn({"algorithm": "SHA256", "checksumValue": digest}, file["checksums"], path)
            package = package_of[file["SPDXID"]]
            self.assertTrue(package["versionInfo"], path)
        by_name = {package["name"]: package for package in packages.values()}
        for name in ("libgrpc++1.51", "libc6", "libgmime-3.0-0", "ca-certificates", "suppressd"):
            self.assertIn(name, by_name)
        installed = subprocess.check_output(["dpkg-query", "-W", "-f", "${Version}", "libssl3"], text=True)
        self.assertEqual(by_name["libssl3"]["versionInfo"], installed)

    def test_the_archive_says_how_it_is_run(self):
        version = harness.run([harness.options.suppressd, "--version"]).out.strip()
        with tarfile.open(os.path.join(self.out, "suppressd.tar")) as archive:
            def read(name):
                return archive.extractfile(name).read()
            manifest = json.loads(read("manifest.json"))[0]
            self.assertEqual(manifest["RepoTags"], [f"localhost/suppressd:{version}"])
            digest = json.loads(read("index.json"))["manifests"][0]["digest"].replace("sha256:", "blobs/sha256/")
            oci = json.loads(read(digest))
            for name in (digest, manifest["Config"], *manifest["Layers"]):
                self.assertEqual(hashlib.sha256(read(name)).hexdigest(), os.path.basename(name))
            self.assertEqual(oci["config"]["digest"], "sha256:" + os.path.basename(manifest["Config"]))
            config = json.loads(read(manifest["Config"]))
            with tarfile.open(fileobj=archive.extractfile(manifest["Layers"][0])) as layer:
                owners = {entry.name: (entry.uid, entry.gid, entry.mode) for entry in layer}
        self.assertEqual(owners["var/lib/suppressd"], (65532, 65532, 0o700))
        self.assertEqual(owners["run/suppressd"], (65532, 65532, 0o755))
        self.assertEqual(owners["usr/bin/suppressd"], (0, 0, 0o755))
        self.assertEqual({name for name, owner in owners.items() if owner[:2] != (0, 0)}, {"var/lib/suppressd", "run/suppressd"})
        self.assertEqual(config["config"]["User"], "65532:65532")
        self.assertEqual(config["config"]["Entrypoint"], ["/usr/bin/suppressd"])
        labels = config["config"]["Labels"]
        self.assertEqual(labels["org.opencontainers.image.title"], "suppressd")
        self.assertEqual(labels["org.opencontainers.image.version"], version)
        self.assertEqual(labels["org.opencontainers.image.licenses"], "Apache-2.0")
        self.assertEqual(labels["org.opencontainers.image.source"], SOURCE)
        self.assertRegex(labels["org.opencontainers.image.revision"], "^[0-9a-f]{40}(-modified)?$")

    def test_a_second_build_gives_the_same_bytes(self):
        with harness.TemporaryDirectory() as other:
            build(other, TZ="Asia/Tokyo", LC_ALL="C.UTF-8", HOME=other)
            for name in ("suppressd.tar", "suppressd.spdx.json"):
                digests = set()
                for directory in (self.out, other):
                    with open(os.path.join(directory, name), "rb") as content:
                        digests.add(hashlib.sha256(content.read()).hexdigest())
                self.assertEqual(len(digests), 1, name)

    # What it does

    def ctl(self, box, exit_code, *arguments, stdin=""):
        outcome = box.run(CTL, "-o", "json", *arguments, stdin=stdin)
        self.assertEqual(outcome.code, exit_code, f"suppressctl {' '.join(arguments)}\n{outcome}")
        return outcome.out

    def test_it_serves_read_only_without_privileges(self):
        box = self.box()
        with rooted.Daemon(box, "serve", "--data_dir", "/var/lib/suppressd", "--listen_address", "127.0.0.1:0") as server:
            with open(f"/proc/{server.process.pid}/status", encoding="utf-8") as status:
                facts = dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line)
            if os.getuid() == 0:
                self.assertEqual(facts["Uid"].split(), ["65532"] * 4)
                self.assertEqual(facts["Gid"].split(), ["65532"] * 4)
                self.assertEqual(facts["Groups"].split(), [])
            self.assertEqual(int(facts["CapEff"], 16), 0)
            with open(f"/proc/{server.process.pid}/mountinfo", encoding="utf-8") as mounts:
                seen = {fields[4]: fields[5].split(",") for fields in map(str.split, mounts)}
            self.assertEqual({path for path, flags in seen.items() if "rw" in flags}, {"/var/lib/suppressd", "/run/suppressd"})
            self.assertIn("ro", seen["/"])

    def test_an_address_is_reported_checked_and_reactivated_and_a_sidecar_follows(self):
        server_box, sidecar_box = self.box(), self.box()
        with rooted.Daemon(server_box, "serve", "--data_dir", "/var/lib/suppressd", "--listen_address", "127.0.0.1:0",
                           "--listen_address", "unix:/run/suppressd/suppressd.sock") as server:
            self.ctl(server_box, 0, "check", "ada@example.com")
            self.ctl(server_box, 0, "report", "--recipient", "ada@example.com", "--code", "550",
                     "--text", "550 5.1.1 User unknown")
            self.ctl(server_box, 1, "check", "ada@example.com")
            self.assertIn("ada@example.com", self.ctl(server_box, 0, "list"))
            self.assertIn("ADDRESS_NOT_FOUND", self.ctl(server_box, 0, "details", "ada@example.com"))
            # By name: the resolver of the image finds it in the image's own files.
            upstream = server.tcp.replace("127.0.0.1", "localhost")
            with rooted.Daemon(sidecar_box, "sidecar", "--upstream", upstream, "--data_dir", "/var/lib/suppressd"):
                self.ctl(sidecar_box, 1, "check", "Ada@example.com")
                self.ctl(sidecar_box, 0, "report", "--mail", "-", stdin=bounce("koi8-r", "koi8-r", RUSSIAN))
                self.ctl(sidecar_box, 0, "reactivate", "ada@example.com", "--note", "works again")
            self.ctl(server_box, 0, "check", "ada@example.com")

    def test_suppressctl_ends_on_sigterm_as_the_first_process(self):
        """Whom nothing ends that it does not handle, and who is told once more: it may not be so far yet."""
        box = self.box()
        with rooted.Daemon(box, "serve", "--data_dir", "/var/lib/suppressd", "--listen_address",
                           "unix:/run/suppressd/suppressd.sock", "--listen_address", "127.0.0.1:0"):
            command = box.command(CTL, "watch")
            command[1:1] = ["--pid", "--fork", "--kill-child"]
            with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as outer:
                try:
                    deadline = time.monotonic() + END_MAX_SECONDS
                    while outer.poll() is None and time.monotonic() < deadline:
                        with open(f"/proc/{outer.pid}/task/{outer.pid}/children", encoding="ascii") as children:
                            for first in children.read().split():
                                os.kill(int(first), signal.SIGTERM)
                        time.sleep(0.1)
                    self.assertEqual(outer.poll(), 128 + signal.SIGTERM)
                finally:
                    outer.kill()

    def test_mail_in_any_charset_is_read_as_outside(self):
        """Outside: the same program with all of ICU's data. A wrong label in the HTML changes nothing either."""
        box = self.box()
        expected = {}
        for charset, words in CHARSETS.items():
            for label in (charset, "utf-8", "windows-1253", "ibm-943_P15A-2003"):
                name = f"{charset}-{label}.eml"
                expected[name] = ("HARD", "MAILBOX_FULL" if words == FRENCH else "ADDRESS_NOT_FOUND")
                with open(os.path.join(box.data, name), "w", encoding="ascii") as mail:
                    mail.write(bounce(charset, label, words))
                os.chmod(mail.name, 0o644)
        outside = harness.suppressctl("-o", "json", "classify", box.data)
        inside = box.run(CTL, "-o", "json", "classify", "/var/lib/suppressd")
        self.assertEqual((inside.code, inside.out), (outside.code, outside.out))
        verdicts = {verdict["file"]: (verdict["class"], verdict.get("reason", "")) for verdict in inside.json()}
        self.assertEqual(verdicts, expected)


if __name__ == "__main__":
    reason = rooted.reason_it_cannot_run() if "--suppressd" in sys.argv else None
    if reason:
        print("image_test skipped:", reason, file=sys.stderr)
        sys.exit(SKIPPED)
    harness.main()
