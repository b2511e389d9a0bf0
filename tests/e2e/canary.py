"""An address that must not be found where no address belongs, the forms in which it could be found, and the search for it.

LOCAL and DOMAIN are words that nothing else holds; every address of these tests has one or both, in some spelling.
"""

import base64
import hashlib
import os
import quopri
import re
import urllib.parse

LOCAL = "zqkanari"
DOMAIN = "zqvogel"
ADDRESS = f"{LOCAL}@{DOMAIN}.example"

# Spellings of mailboxes that the service takes.
SPELLINGS = (ADDRESS, ADDRESS.upper(), f"<{ADDRESS}>", f'"{LOCAL}"@{DOMAIN}.example.', f'"{LOCAL} x"@{DOMAIN}.example',
             f"{LOCAL}+tag@{DOMAIN}.example", f"{LOCAL}@{DOMAIN}-ä.example",
             f"{LOCAL}@" + f"{DOMAIN}-ä.example".encode("idna").decode(),
             f"{LOCAL}.ä@{DOMAIN}.example", f"{LOCAL}@[192.0.2.25]")

# And what is no mailbox, or hides one.
HIDDEN = (LOCAL, "no" + ADDRESS + " " + ADDRESS, f"{LOCAL}@{DOMAIN}..example", f"{LOCAL} @{DOMAIN}.example",
          urllib.parse.quote(ADDRESS), "".join(f"%{byte:02X}" for byte in ADDRESS.encode()),
          base64.b64encode(ADDRESS.encode()).decode(),
          f"=?utf-8?q?{LOCAL}=40{DOMAIN}.example?=", f"{LOCAL}@-.example", f'"{LOCAL}', f"{LOCAL}\u0000@{DOMAIN}.example")


def base64_of(data):
    return base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()


def base64_forms(word):
    """What base64 makes of a word that begins at any byte of a text."""
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + word)
        yield encoded[(0, 2, 3)[shift]:(shift + len(word)) * 8 // 6].decode()


def forms():
    """Pairs of a form's name and the text that gives the canary away. All in lower case, as the search is."""
    for word in LOCAL, DOMAIN:
        data = word.encode()
        yield "plain", word
        yield "hexadecimal", data.hex()
        yield "percent", "".join(f"%{byte:02x}" for byte in data)
        yield "quoted-printable", "".join(f"={byte:02x}" for byte in data)
        yield "wide", "\0".join(word)
        yield "escaped", "".join(f"\\u{byte:04x}" for byte in data)
        for spelling in data, data.upper(), data.capitalize():
            for form in base64_forms(spelling):
                yield "base64", form.lower()
    for name in "md5", "sha1", "sha256":
        digest = hashlib.new(name, ADDRESS.encode()).digest()
        yield f"{name} without a key", digest.hex()[:16]
        yield f"{name} without a key, in base64", base64.b64encode(digest).decode().lower()[:20]


FORMS = tuple(dict.fromkeys(forms()))


def found(text):
    """The forms of the canary that stand in a text, with what is around each. Bytes are taken one by one."""
    text = (text.decode("latin-1") if isinstance(text, bytes) else text).lower()
    return [f"{name}: …{text[max(0, text.find(form) - 60):text.find(form) + 60]}…" for name, form in FORMS if form in text]


# Where entries and reports themselves are stored, by names within a data directory: addresses belong there.
STORED = re.compile(r"(^|/)(\d+\.(log|sst|blob)|MANIFEST-\d+)$")


def found_in_files(directory):
    """The same for all files below a directory but those that store entries; a log of RocksDB's own is a finding. Also
    how many files were searched."""
    findings, count = [], 0
    for folder, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(folder, name)
            if name.startswith("LOG"):
                findings.append(f"{path}: RocksDB keeps a log of its own")
            if STORED.search(path) or not os.path.isfile(path):
                continue
            count += 1
            with open(path, "rb") as file:
                findings += [f"{path}: {finding}" for finding in [*found(name), *found(file.read())]]
    return findings, count


def check_search():
    """The search finds each form; raises where it does not."""
    hexadecimal = ADDRESS.encode().hex()
    texts = [*SPELLINGS[:6], hexadecimal, hexadecimal.upper(), "".join(f"%{byte:02X}" for byte in ADDRESS.encode()),
             ADDRESS.encode("utf-16-le"), quopri.encodestring(ADDRESS.encode()), hashlib.sha256(ADDRESS.encode()).hexdigest()]
    texts += [base64_of(" " * shift + ADDRESS) for shift in range(3)]
    texts += [base64.urlsafe_b64encode(b"\xff" * shift + ADDRESS.upper().encode()) for shift in range(3)]
    for text in texts:
        if not found(text):
            raise AssertionError(f"the search does not find {text}")
    if found("nobody@example.com 0123456789abcdef"):
        raise AssertionError("the search finds what is not there")
