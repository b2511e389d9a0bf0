"""Packs OUT/root as OUT/suppressd.tar, an image with one layer, and prints digest and sizes.

  archive.py --out OUT --version VERSION --revision COMMIT [--source URL]

The archive is an OCI image layout that also has the manifest.json of `docker save`, so every importer reads it. Owner, mode
and date of each file are set here and not taken from the disk: the same content gives the same bytes, whoever packs it.
"""

import argparse
import datetime
import gzip
import hashlib
import io
import json
import os
import subprocess
import tarfile

USER = 65532
# Directories of other owner or mode than root's 0755.
DIRECTORIES = {"var/lib/suppressd": (USER, 0o700), "run/suppressd": (USER, 0o755), "tmp": (0, 0o1777)}
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"


def date():
    return int(os.environ["SOURCE_DATE_EPOCH"])


def paths_of(root):
    """All paths below root, each directory before what is in it, in an order that no disk changes."""
    found = []
    for directory, folders, names in os.walk(root):
        found += [os.path.relpath(os.path.join(directory, name), root) for name in folders + names]
    return sorted(found)


def layer_of(root):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as layer:
        for path in paths_of(root):
            full = os.path.join(root, path)
            entry = tarfile.TarInfo(path)
            entry.mtime = date()
            if os.path.islink(full):
                entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, os.readlink(full), 0o777
                layer.addfile(entry)
            elif os.path.isdir(full):
                owner, entry.mode = DIRECTORIES.get(path, (0, 0o755))
                entry.type, entry.uid, entry.gid = tarfile.DIRTYPE, owner, owner
                layer.addfile(entry)
            else:
                entry.mode = 0o755 if os.access(full, os.X_OK) else 0o644
                entry.size = os.path.getsize(full)
                with open(full, "rb") as content:
                    layer.addfile(entry, content)
    return out.getvalue()


def architecture():
    shown = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True)
    return {"i386": "386", "armhf": "arm"}.get(shown.stdout.strip(), shown.stdout.strip())


def config_of(layer, created, run):
    """`run`: how it is run, as the field config of an OCI image has it."""
    return {"created": created, "architecture": architecture(), "os": "linux", "config": run,
            "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]},
            "history": [{"created": created, "created_by": "script/image"}]}


def oci_label(name):
    return "org.opencontainers.image." + name


class Archive:
    """A tar in which every member has the same owner and date; blobs are stored by their SHA-256."""

    def __init__(self, path):
        self.tar = tarfile.open(path, "w", format=tarfile.GNU_FORMAT)

    def add(self, name, data):
        entry = tarfile.TarInfo(name)
        entry.mtime, entry.size, entry.mode = date(), len(data), 0o644
        self.tar.addfile(entry, io.BytesIO(data))

    def add_blob(self, data, media_type):
        digest = hashlib.sha256(data).hexdigest()
        self.add(f"blobs/sha256/{digest}", data)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}

    def add_json(self, name, value):
        self.add(name, to_json(value))


def to_json(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def blob_path(descriptor):
    return descriptor["digest"].replace("sha256:", "blobs/sha256/")


def write_archive(path, layer, name, config):
    """An image of one layer under a name like localhost/suppressd:0.1.0. Its digest."""
    archive = Archive(path)
    layer_blob = archive.add_blob(layer, LAYER_TYPE)
    config_blob = archive.add_blob(to_json(config), CONFIG_TYPE)
    manifest_blob = archive.add_blob(to_json({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": config_blob,
                                              "layers": [layer_blob]}), MANIFEST_TYPE)
    manifest_blob["annotations"] = {"io.containerd.image.name": name, oci_label("ref.name"): name.rpartition(":")[2]}
    archive.add_json("oci-layout", {"imageLayoutVersion": "1.0.0"})
    archive.add_json("index.json", {"schemaVersion": 2, "manifests": [manifest_blob]})
    archive.add_json("manifest.json", [{"Config": blob_path(config_blob), "RepoTags": [name], "Layers": [blob_path(layer_blob)]}])
    archive.tar.close()
    return manifest_blob["digest"]


def main():
    parser = argparse.ArgumentParser()
    for name in ("out", "version", "revision"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--source", default="")
    options = parser.parse_args()

    created = datetime.datetime.fromtimestamp(date(), datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    labels = {"title": "suppressd", "description": "One suppression list for everything that sends mail",
              "version": options.version, "licenses": "Apache-2.0", "revision": options.revision, "created": created}
    if options.source:
        labels["source"] = options.source
    labels = {oci_label(key): value for key, value in labels.items()}

    root, name = os.path.join(options.out, "root"), f"localhost/suppressd:{options.version}"
    layer = layer_of(root)
    config = config_of(layer, created, {
        "User": f"{USER}:{USER}", "Entrypoint": ["/usr/bin/suppressd"], "Cmd": ["serve"],
        "Env": ["PATH=/usr/bin", "SUPPRESSD_DATA_DIR=/var/lib/suppressd"], "WorkingDir": "/", "StopSignal": "SIGTERM",
        "Labels": labels})
    digest = write_archive(os.path.join(options.out, "suppressd.tar"), layer, name, config)

    unpacked = sum(os.lstat(os.path.join(root, path)).st_size for path in paths_of(root)
                   if not os.path.isdir(os.path.join(root, path)))
    print(f"image {name} {digest}")
    print(f"unpacked {unpacked} bytes, gzipped {len(gzip.compress(layer, 6, mtime=0))} bytes")


if __name__ == "__main__":
    main()
