"""The address at which people reach the service, as a setting has it."""

import re
from urllib.parse import urlsplit

from service.errors import quoted

_WRITTEN = "write it like https://taktline.example, with the prefix of a proxy if there is one"


def read_public_url(text: str) -> str:
    """The address without a slash at its end; empty where there is none. Raises ValueError where it can't be one."""
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise ValueError(f"{quoted(text)} isn't an address; {_WRITTEN}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{quoted(text)} must begin with http:// or https:// and a host; {_WRITTEN}")
    if not re.fullmatch(r"[!-~]+", text):
        raise ValueError(f"{quoted(text)} has characters that an address can't have; {_WRITTEN}")
    if "?" in text or "#" in text:
        raise ValueError(f"{quoted(text)} goes on after the path; {_WRITTEN}")
    if "@" in parts.netloc:
        raise ValueError(f"an address that is told to others has no user and no password; {_WRITTEN}")
    return text.rstrip("/")
