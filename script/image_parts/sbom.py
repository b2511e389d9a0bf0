"""Writes OUT/suppressd.spdx.json (SPDX 2.3) for OUT/root, and copies the packages' copyright files into the root.

  sbom.py --out OUT --version VERSION

OUT/origins.tsv says of each file where it came from: a path that belongs to a Debian package, or `suppressd`.
"""

import argparse
import datetime
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys

OURS = "suppressd"


def candidates(path):
    """The names under which Debian's list may know a file: with and without /usr, and where links lead."""
    for name in (path, os.path.realpath(path)):
        short = re.sub("^/usr", "", name)
        yield from (name, short, "/usr" + short)


def owners_of(paths):
    """The Debian package, with its architecture, that installed each path."""
    asked = sorted({candidate for path in paths for candidate in candidates(path)})
    # It fails when any is unknown, and still tells the others.
    found = subprocess.run(["dpkg-query", "-S", *asked], capture_output=True, text=True, check=False)
    known = {}
    for line in found.stdout.splitlines():
        packages, _, path = line.partition(": ")
        known[path] = packages.split(", ")[0]
    owners = {path: next((known[c] for c in candidates(path) if c in known), None) for path in paths}
    for path, owner in owners.items():
        if owner is None:
            sys.exit(f"sbom: no Debian package owns {path}")
    return owners


def facts_of(package):
    """Version, architecture and source package."""
    form = "${Package}\t${Version}\t${Architecture}\t${source:Package}\t${source:Version}\n"
    shown = subprocess.run(["dpkg-query", "-W", "-f", form, package], capture_output=True, text=True, check=True)
    return dict(zip(("name", "version", "architecture", "source", "source_version"), shown.stdout.split()))


def spdx_id(kind, text):
    return f"SPDXRef-{kind}-" + re.sub(r"[^A-Za-z0-9.-]", "-", text)


def file_entry(root, path):
    with open(root + path, "rb") as content:
        data = content.read()
    kind = "BINARY" if data.startswith(b"\x7fELF") else "TEXT"
    return {
        "SPDXID": spdx_id("File", f"{path.strip('/')}-{hashlib.sha256(path.encode()).hexdigest()[:8]}"),
        "fileName": "." + path,
        "fileTypes": [kind],
        "checksums": [{"algorithm": "SHA1", "checksumValue": hashlib.sha1(data).hexdigest()},
                      {"algorithm": "SHA256", "checksumValue": hashlib.sha256(data).hexdigest()}],
        "licenseConcluded": "NOASSERTION",
        "copyrightText": "NOASSERTION",
    }


def verification_code(files):
    """As SPDX 2.3 section 7.9 defines it: SHA1 over the sorted SHA1s of the files."""
    return hashlib.sha1("".join(sorted(f["checksums"][0]["checksumValue"] for f in files)).encode()).hexdigest()


def package_entry(name, version, files, **more):
    return {"SPDXID": spdx_id("Package", name), "name": name, "versionInfo": version, "downloadLocation": "NOASSERTION",
            "filesAnalyzed": True, "packageVerificationCode": {"packageVerificationCodeValue": verification_code(files)},
            "licenseConcluded": "NOASSERTION", "licenseDeclared": "NOASSERTION", "copyrightText": "NOASSERTION", **more}


def debian_entry(facts, files):
    purl = f"pkg:deb/debian/{facts['name']}@{facts['version'].replace('+', '%2B')}?arch={facts['architecture']}&distro=debian-12"
    return package_entry(
        facts["name"], facts["version"], files,
        supplier="Organization: Debian",
        sourceInfo=f"built from the Debian source package {facts['source']} {facts['source_version']}",
        licenseComments=f"see /usr/share/doc/{facts['name']}/copyright in the image",
        externalRefs=[{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--version", required=True)
    options = parser.parse_args()
    root = os.path.join(options.out, "root")

    packages = {OURS: []}
    with open(os.path.join(options.out, "origins.tsv"), encoding="utf-8") as origins:
        origin_of = dict(line.rstrip("\n").split("\t") for line in origins)
    owners = owners_of(sorted(set(origin_of.values()) - {OURS}))
    for target, origin in origin_of.items():
        packages.setdefault(owners.get(origin, OURS), []).append(target)
    # Their licences ask to go with them.
    facts = {package: facts_of(package) for package in packages if package != OURS}
    for package, of_package in facts.items():
        target = f"/usr/share/doc/{of_package['name']}/copyright"
        os.makedirs(os.path.dirname(root + target), exist_ok=True)
        shutil.copyfile(target, root + target)
        packages[package].append(target)

    entries, files, relationships = [], [], []
    for package in sorted(packages):
        of_package = [file_entry(root, path) for path in sorted(packages[package])]
        if package == OURS:
            entry = package_entry(OURS, options.version, of_package, licenseConcluded="Apache-2.0",
                                  licenseDeclared="Apache-2.0", primaryPackagePurpose="APPLICATION",
                                  comment="libicudata is an empty stub made for this image with Debian's icupkg")
        else:
            entry = debian_entry(facts[package], of_package)
        entries.append(entry)
        files += of_package
        relationships += [{"spdxElementId": entry["SPDXID"], "relationshipType": "CONTAINS",
                           "relatedSpdxElement": file["SPDXID"]} for file in of_package]
    image = {"SPDXID": "SPDXRef-Image", "name": "localhost/suppressd", "versionInfo": options.version,
             "downloadLocation": "NOASSERTION", "filesAnalyzed": False, "licenseConcluded": "NOASSERTION",
             "licenseDeclared": "NOASSERTION", "copyrightText": "NOASSERTION", "primaryPackagePurpose": "CONTAINER"}
    relationships = [{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES",
                      "relatedSpdxElement": "SPDXRef-Image"}] + [
        {"spdxElementId": "SPDXRef-Image", "relationshipType": "CONTAINS", "relatedSpdxElement": entry["SPDXID"]}
        for entry in entries] + relationships

    made = datetime.datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), datetime.timezone.utc)
    content = hashlib.sha256(json.dumps(files).encode()).hexdigest()
    document = {"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
                "name": f"suppressd-{options.version}", "documentNamespace": f"urn:suppressd:image:{content}",
                "creationInfo": {"created": made.strftime("%Y-%m-%dT%H:%M:%SZ"), "creators": ["Tool: suppressd-script-image"]},
                "packages": [image, *entries], "files": files, "relationships": relationships}
    with open(os.path.join(options.out, "suppressd.spdx.json"), "w", encoding="utf-8") as sbom:
        json.dump(document, sbom, indent=1)
        sbom.write("\n")


if __name__ == "__main__":
    main()
