"""docs/charts.md names every parameter and header."""

import re
from pathlib import Path

import pytest

from service.charts.drawing.themes import THEMES
from service.period.steps import STEPS
from service.routes.chart.chart_parameters import FORMATS, KNOWN
from tests.harness import Running

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "charts.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_parameter_is_documented() -> None:
    rows = re.findall(r"^\| (`.+?) \|", TEXT.split("## Parameters")[1].split("## What comes")[0], re.MULTILINE)
    assert [name for row in rows for name in re.findall(r"`(\w+)`", row)] == list(KNOWN)
    for names in (STEPS, FORMATS, THEMES):
        assert f"`{' '.join(names)}`" in TEXT


@pytest.mark.anyio
@pytest.mark.parametrize("text", [README, TEXT], ids=["README", "charts"])
async def test_every_example_is_a_chart(shared: Running, text: str) -> None:
    """The examples are in Markdown, in HTML, and links in chat messages."""
    found = re.findall(r"(\]\(|src=\"|^)https://taktline\.example(/chart[^\s\")]*)", text, re.MULTILINE)
    assert {place for place, _ in found} == {"](", 'src="', ""}
    for _, address in found:
        answer = await shared.http.get(address)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("image/")


@pytest.mark.anyio
async def test_every_header_is_documented(shared: Running, name: str) -> None:
    await shared.http.post("/readings", json={"series": name, "fact": 1})
    shown = await shared.http.get("/chart", params={"series": name, "format": "svg"})
    failed = await shared.http.get("/chart?x=1", headers={"Accept": "image/*"})
    usual = {"date", "content-type", "content-length", "content-encoding", "x-content-type-options", "x-request-id"}
    headers = {header.lower() for answer in (shown, failed) for header in answer.headers} - usual
    headers.add("x-kept-from")  # of charts that reach further back than readings are kept: tests/routes/test_kept.py
    assert headers == {one.lower() for one in re.findall(r"^\| `([A-Z][\w-]+)` \|", TEXT, re.MULTILINE)}
