"""NDJSON, one reading per line, parsed as it arrives; https://github.com/ndjson/ndjson-spec defines the format."""

import msgspec

from service.errors import BadRequest
from service.intake.formats.decoding import parse_json
from service.intake.packer import Packer
from service.intake.plain import Plain
from service.intake.reading import MAX_SIZE, TOO_LONG
from service.intake.turns import Work

_SPACE = b" \t\r"
_decode_plain = msgspec.json.Decoder(Plain).decode_lines


def add_lines(block: bytes, packer: Packer) -> Work[None]:
    """Add a block of whole lines; blank ones are skipped. A line ends at a newline and is one JSON text."""
    if _add_plain(block, packer):
        return
    for line in block.split(b"\n"):
        if line.strip(_SPACE):
            _add_line(line, packer)
        yield


def _add_plain(block: bytes, packer: Packer) -> bool:
    """Add the lines if they are readings without attributes. Otherwise return False without adding any.

    The decoder ignores how texts are distributed over lines. A plain reading has one opening bracket, and no newline in
    a string, so there is one per line if there are as many lines as readings and as brackets that begin a line.
    """
    lines = block.count(b"\n") + (not block.endswith(b"\n"))
    if lines != block.count(b"\n{") + block.startswith(b"{") or len(block) > MAX_SIZE:
        return False
    try:
        items = _decode_plain(block)
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
        return False
    return len(items) == lines and packer.add_all(items)


def _add_line(line: bytes, packer: Packer) -> None:
    if len(line) > MAX_SIZE:
        packer.add_fault("", TOO_LONG)
        return
    try:
        value = parse_json(line)
    except BadRequest as exc:
        detail = exc.detail.rstrip(".")
        # so it is when a client has taken the line breaks away
        hint = "; an object is a line, which curl keeps with --data-binary" if "trailing characters" in detail else ""
        packer.add_fault("", detail + hint)
    else:
        packer.add_value(value)
