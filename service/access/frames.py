"""Which pages may show ours in a frame."""

import re

NOBODY, OURSELVES, ANYBODY = "'none'", "'self'", "*"
_SOURCE = re.compile(r"(?:https?://)(?:\*\.)?[a-z0-9.\[\]_:-]+|https?:", re.IGNORECASE)


def frame_ancestors(text: str) -> str:
    """The sources for the `frame-ancestors` of a Content-Security-Policy: `none`, `self`, `*`, or sites beside our own,
    separated by commas or blanks. Raises ValueError for anything else."""
    given = [part.strip("'") for part in text.replace(",", " ").split()]
    if given in ([], ["none"]):
        return NOBODY
    if given == [ANYBODY]:
        return ANYBODY
    sites = [part for part in given if part != "self"]
    for site in sites:
        if not _SOURCE.fullmatch(site):
            raise ValueError(
                f"{site!r} can't stand there; write none, self, * or sites like https://wiki.example, https://*.example.com"
            )
    return " ".join([OURSELVES, *sites])
