"""An image of one static program, as an archive that containerd imports.

  image_archive.py PROGRAM IMAGE_NAME ARCHIVE
"""

import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), *[os.pardir] * 2, "script", "image_parts"))
import archive  # noqa: E402


def main():
    program, image, path = sys.argv[1:]
    os.environ["SOURCE_DATE_EPOCH"] = "0"  # the same for the same program
    with tempfile.TemporaryDirectory() as root:
        shutil.copy(program, root)
        layer = archive.layer_of(root)
    run = {"Entrypoint": ["/" + os.path.basename(program)], "User": "65535:65535"}
    archive.write_archive(path, layer, image, archive.config_of(layer, "1970-01-01T00:00:00Z", run))


if __name__ == "__main__":
    main()
