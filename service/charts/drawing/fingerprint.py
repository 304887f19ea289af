"""A digest of what decides how a picture looks, apart from its content: the files of this package, and the libraries
that draw."""

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

_LIBRARIES = ("altair", "noto-cjk-sans-otc", "pillow", "vl-convert-python")


@cache
def fingerprint() -> bytes:
    """The same for every process that draws the same pictures."""
    made = hashlib.blake2b(" ".join(version(name) for name in _LIBRARIES).encode(), digest_size=16)
    for path in sorted(Path(__file__).parent.iterdir()):
        if path.is_file():
            made.update(path.read_bytes())
    return made.digest()
