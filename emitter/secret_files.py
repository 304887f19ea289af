"""Secrets in files, as Docker, Kubernetes and systemd hand them over. The service and the emitter share no code, but
this module is the same in both."""

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, SecretStr

MOST = 65_536
"""The most bytes of a secret; a larger file is the wrong one."""


def read_secret(path: object) -> str:
    """The text in a file, without the line break at its end and a byte order mark, which Windows writes. Raises
    ValueError, which names the file and what is wrong with it, and shows nothing of what is in it."""
    named = str(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")  # it may have any bytes
    try:
        with Path(str(path)).open("rb") as file:
            content = file.read(MOST + 1)
    except OSError as exc:
        raise ValueError(f"{named} can't be read: {exc.strerror or 'it is no file'}") from None
    except ValueError:
        raise ValueError(f"{named} can't be the name of a file") from None
    if len(content) > MOST:
        raise ValueError(f"{named} is larger than a secret may be, {MOST:,} bytes")
    try:
        text = content.decode("utf-8-sig").removesuffix("\n").removesuffix("\r")
    except ValueError:
        raise ValueError(f"{named} isn't text in UTF-8") from None
    if not text.strip():
        raise ValueError(f"{named} is empty")
    if "\n" in text or "\r" in text:
        raise ValueError(f"{named} is more than one line of text")
    if not text.isprintable():
        raise ValueError(f"{named} has a tab or another character that can't be printed")
    return text


SecretFile = Annotated[SecretStr | None, BeforeValidator(lambda path: None if path is None else read_secret(path))]
"""A setting that names a file; its value is what is in the file."""


def only_one(name: str, given: SecretStr | None, in_file: SecretStr | None) -> str | None:
    """The secret that is given by a setting or by its twin that names a file. Raises ValueError where it is by both."""
    if given is not None and in_file is not None:
        raise ValueError(f"{name} and {name}_FILE are both set; set one of them")
    found = given or in_file
    return found.get_secret_value() if found else None
