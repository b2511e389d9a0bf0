"""An image of one static program, as the kind of archive that containerd imports (docker-archive).

  image_archive.py PROGRAM IMAGE_NAME ARCHIVE
"""

import hashlib
import io
import json
import os
import sys
import tarfile


def tar_of(files):
    """A tar file of (name, bytes, mode), the same for the same files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data, mode in files:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), mode
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def main():
    program, image, archive = sys.argv[1:]
    name = os.path.basename(program)
    with open(program, "rb") as file:
        layer = tar_of([(name, file.read(), 0o755)])
    config = json.dumps({
        "architecture": "amd64", "os": "linux",
        "config": {"Entrypoint": ["/" + name], "User": "65535:65535"},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]},
    }).encode()
    manifest = json.dumps([{"Config": "config.json", "RepoTags": [image], "Layers": ["layer.tar"]}]).encode()
    with open(archive, "wb") as file:
        file.write(tar_of([("layer.tar", layer, 0o644), ("config.json", config, 0o644),
                           ("manifest.json", manifest, 0o644)]))


if __name__ == "__main__":
    main()
