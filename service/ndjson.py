"""NDJSON: a reading a line. Parsed as it arrives; https://github.com/ndjson/ndjson-spec has the format."""

import msgspec

from service.errors import BadRequest
from service.frames import parse_json
from service.packing import Packer, Plain

_decode_plain = msgspec.json.Decoder(Plain).decode_lines


def add_lines(block: bytes, packer: Packer) -> None:
    """Add a block of whole lines; blank ones are skipped."""
    try:
        if packer.add_all(_decode_plain(block)):
            return
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
        pass
    for line in block.splitlines():
        if line.strip():
            _add_line(line, packer)


def _add_line(line: bytes, packer: Packer) -> None:
    try:
        packer.add_value(parse_json(line))
    except BadRequest as exc:
        packer.add_fault("", exc.detail)
