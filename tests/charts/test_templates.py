import subprocess
import sys
from itertools import product
from typing import Any

import msgspec
import pytest

from service.charts.drawing.templates import built_templates, template
from service.charts.drawing.themes import THEMES, outlines, palette

OF_WORKERS = "altair", "vl_convert"
LOOK = f"import sys, service.__main__; print(*sorted(sys.modules.keys() & {set(OF_WORKERS)}))"


def test_the_service_loads_none_of_what_only_workers_need() -> None:
    said = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=True)
    assert said.stdout.split() == []


def test_another_process_needs_what_was_built_alone() -> None:
    take = (
        "import sys\n"
        "from service.charts.drawing.templates import take_over, template\n"
        "take_over(sys.stdin.buffer.read())\n"
        "sys.stdout.buffer.write(template('dark', compact=True, split=True))\n"
        "assert 'altair' not in sys.modules\n"
    )
    said = subprocess.run([sys.executable, "-c", take], input=built_templates(), capture_output=True, check=True)
    assert said.stdout == template("dark", compact=True, split=True)


@pytest.mark.parametrize(("theme", "split"), list(product(THEMES, (False, True))))
def test_a_template_has_the_colours_of_its_theme(theme: str, split: bool) -> None:
    made: dict[str, Any] = msgspec.json.decode(template(theme, compact=False, split=split))
    bars, notes, zero, *_ = (made["spec"] if split else made)["layer"]
    assert bars["encoding"]["fill"]["scale"]["range"] == list(palette(THEMES[theme]).values())
    assert [one["value"] for one in bars["encoding"]["stroke"]["condition"]] == list(outlines(THEMES[theme]).values())
    assert notes["mark"]["color"] == THEMES[theme].muted
    assert zero["mark"]["color"] == THEMES[theme].ink
