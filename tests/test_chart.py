"""Charts: the specification, the pictures, and that what they show is what was read."""

import asyncio
import io
import re
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from xml.etree import ElementTree

import asyncpg
import pytest
from PIL import Image

from service.buckets import Bucket
from service.chart import FACT, PLAN, Picture, draw, spec
from service.migrate import search_path
from service.period import make_period
from tests.conftest import Engine
from tests.harness import Running

NOW = datetime(2026, 11, 22, 11, 59, 30, tzinfo=UTC)
SVG = "{http://www.w3.org/2000/svg}"


def picture(start: str | None = None, minutes: int = 60, zone: str = "UTC", step: str | None = None) -> Picture:
    period = make_period(start, None, step, zone, NOW, 960)
    moments = [period.start + number * timedelta(minutes=1) for number in range(minutes)]
    buckets = tuple(Bucket(at, 100 + at.minute, 90.5 + at.minute, 6) for at in moments if not 20 <= at.minute < 30)
    return Picture(buckets, period, "Plan and fact", "%Y-%m-%d %H:%M", 960, 480)


def bars(svg: bytes | str) -> dict[str, dict[str, float]]:
    """What the bars of an SVG say: label of the minute -> plan and fact."""
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for path in ElementTree.fromstring(svg).iter(f"{SVG}path"):
        if path.get("aria-roledescription") == "bar":
            match = re.fullmatch(r"(.+), (plan|fact) (\S+)", path.get("aria-label", ""))
            assert match
            found[match[1]][match[2]] = float(match[3])
    return dict(found)


def boxes(svg: bytes, kind: str) -> list[tuple[float, float, float]]:
    """Left edge, width and height of the bars of one kind, from left to right."""
    found = []
    for path in ElementTree.fromstring(svg).iter(f"{SVG}path"):
        if path.get("aria-roledescription") == "bar" and f", {kind} " in path.get("aria-label", ""):
            numbers = [float(number) for number in re.findall(r"-?[\d.]+", path.get("d", ""))]
            found.append((numbers[0], numbers[2], numbers[3]))
    return sorted(found)


def texts(svg: bytes) -> list[str]:
    return ["".join(text.itertext()) for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_plan_stands_left_of_fact_and_heights_are_values() -> None:
    svg = draw(picture(), "svg")
    plan, fact = boxes(svg, "plan"), boxes(svg, "fact")
    assert len(plan) == len(fact) == 50
    for (left, width, height), (right, _, other) in zip(plan, fact, strict=True):
        assert left + width == pytest.approx(right)
        assert height > other
    scale = plan[0][2] / 100
    assert [height / scale for _, _, height in plan] == pytest.approx(
        [100 + minute for minute in [*range(20), *range(30, 60)]]
    )


def test_a_gap_stays_a_gap() -> None:
    left = [left for left, _, _ in boxes(draw(picture(), "svg"), "plan")]
    minute = left[1] - left[0]
    assert left[20] - left[19] == pytest.approx(11 * minute, rel=0.01)


def test_labels_title_zone_and_legend_are_there() -> None:
    shown = texts(draw(picture(zone="Asia/Kolkata"), "svg"))
    assert "2026-11-22 16:30" in shown
    assert "Plan and fact" in shown
    assert "2026-11-22 16:30 to 17:30, Asia/Kolkata (UTC+05:30), per minute" in shown
    assert {"plan", "fact"} <= set(shown)


def test_no_readings_is_said() -> None:
    svg = draw(picture(minutes=0), "svg")
    assert "No readings in this period" in texts(svg)
    assert not bars(svg)
    assert "2026-11-22 11:00" in texts(svg)


@pytest.mark.parametrize("start", ["-1m", "-1h", "-1d", "-30d", "-365d"])
def test_nothing_is_cut_off_and_labels_do_not_collide(start: str) -> None:
    svg = draw(picture(start), "svg")
    root = ElementTree.fromstring(svg)
    assert (root.get("width"), root.get("height")) == ("960", "480")
    labels = [text for text in texts(svg) if re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", text)]
    assert 1 <= len(labels) <= 25
    assert len(set(labels)) == len(labels)


def test_labels_keep_to_the_format() -> None:
    made = picture()
    svg = draw(Picture(made.buckets, made.period, "x", "%H.%M Uhr", 960, 480), "svg")
    assert "11.00 Uhr" in texts(svg)


def test_text_is_escaped() -> None:
    made = picture()
    svg = draw(Picture(made.buckets, made.period, "<script>&\"'", "%H:%M", 960, 480), "svg")
    assert "<script>&\"'" in texts(svg)


def test_the_clock_going_back_draws_both_hours() -> None:
    zone = "Europe/Berlin"
    period = make_period("2026-10-25T00:00", "2026-10-25T06:00", "1h", zone, NOW, 960)
    hours = [period.start + number * timedelta(hours=1) for number in range(7)]
    svg = draw(Picture(tuple(Bucket(at, 1, 1, 1) for at in hours), period, "x", "%H:%M", 960, 480), "svg")
    left = [left for left, _, _ in boxes(svg, "plan")]
    assert len(left) == 7
    assert {round(b - a) for a, b in pairwise(left)} <= {round(left[1] - left[0]) + off for off in (-1, 0, 1)}


def test_a_png_is_small_and_shows_both_colours() -> None:
    png = draw(picture(), "png")
    assert len(png) < 40_000
    with Image.open(io.BytesIO(png)) as image:
        assert image.size == (960, 480)
        colours = set(image.convert("RGB").get_flattened_data())
    for wanted in (PLAN, FACT):
        rgb = tuple(bytes.fromhex(wanted[1:]))
        assert any(max(abs(a - b) for a, b in zip(rgb, colour, strict=True)) < 12 for colour in colours)


def test_the_template_is_not_spoilt_by_use() -> None:
    first = spec(picture())
    spec(picture(minutes=0))
    assert spec(picture()) == first


@pytest.mark.anyio
async def test_bars_equal_group_by_over_the_raw_readings(shared: Running, engine: Engine, name: str) -> None:
    base = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=50)
    readings = [
        {
            "series": name,
            "ts": (base + timedelta(seconds=7 * number)).isoformat(),
            "plan": number % 11,
            "fact": number / 4,
        }
        for number in range(300)
        if number // 20 != 3
    ]
    assert (await shared.http.post("/readings", json=readings)).status_code == 200
    svg = (await shared.http.get("/chart", params={"format": "svg", "series": name, "tz": "UTC"})).content
    schema = (await shared.http.get("/readyz")).json()["schema"]
    con = await asyncpg.connect(engine.url, server_settings={"search_path": search_path(schema, engine.server)})
    try:
        rows = await con.fetch(
            "select date_trunc('minute', ts, 'UTC') as minute, sum(plan) as plan, sum(fact) as fact "
            "from reading where series = $1 group by 1",
            name,
        )
    finally:
        await con.close()
    assert bars(svg) == {f"{row['minute']:%Y-%m-%d %H:%M}": {"plan": row["plan"], "fact": row["fact"]} for row in rows}


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("accept", "form", "media_type"),
    [
        (None, None, "image/png"),
        ("*/*", None, "image/png"),
        ("image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5", None, "image/png"),
        ("image/svg+xml", None, "image/svg+xml"),
        ("application/json", None, "application/json"),
        ("application/json", "png", "image/png"),
        (None, "svg", "image/svg+xml"),
    ],
)
async def test_the_format_is_chosen(shared: Running, accept: str | None, form: str | None, media_type: str) -> None:
    headers = {"Accept": accept} if accept else {}
    answer = await shared.http.get("/chart", params={"format": form} if form else {}, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"].split(";")[0] == media_type


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("form=svg", "form"),
        ("format=bmp", "format"),
        ("tz=Mars/Base", "tz"),
        ("tz=../../etc/passwd", "tz"),
        ("from=soon", "from"),
        ("from=now&until=-1h", "from"),
        ("step=2m", "step"),
        ("agg=median", "agg"),
        ("series=", "series"),
        ("from=1&from=2", "from"),
        ("series=%00", "series"),
    ],
)
async def test_parameters_are_read_strictly(shared: Running, query: str, field: str) -> None:
    answer = await shared.http.get(f"/chart?{query}")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field


@pytest.mark.anyio
async def test_several_series_may_be_chosen(shared: Running, name: str) -> None:
    await shared.http.post("/readings", json=[{"series": name + end, "plan": 1} for end in "abc"])
    answer = await shared.http.get("/chart", params={"series": [name + "a", name + "c"], "format": "json"})
    assert [bucket["plan"] for bucket in answer.json()["buckets"]] == [2]


@pytest.mark.anyio
async def test_equal_pictures_at_once_are_drawn_once(shared: Running, name: str) -> None:
    async def drawn() -> float:
        text = (await shared.http.get("/metrics")).text
        return float(re.findall(r"taktline_render_seconds_count (\S+)", text)[0])

    before = await drawn()
    query = {"from": "2026-01-01", "until": "2026-01-02", "series": name}
    answers = await asyncio.gather(*(shared.http.get("/chart", params=query) for _ in range(10)))
    assert len({answer.content for answer in answers}) == 1
    assert await drawn() - before < 10


@pytest.mark.anyio
async def test_ingest_does_not_wait_for_a_picture(shared: Running, name: str) -> None:
    pictures = [asyncio.create_task(shared.http.get("/chart", params={"from": f"-{days}d"})) for days in range(20, 28)]
    slowest = 0.0
    while not all(task.done() for task in pictures):
        started = asyncio.get_running_loop().time()
        await shared.http.post("/readings", json={"series": name, "plan": 1})
        slowest = max(slowest, asyncio.get_running_loop().time() - started)
    total = [await task for task in pictures]
    assert {answer.status_code for answer in total} == {200}
    assert slowest < 2


@pytest.mark.anyio
async def test_a_worker_that_dies_is_replaced(fresh: Running) -> None:
    import psutil

    before = await fresh.http.get("/chart?format=svg&from=2026-01-01&until=2026-01-02")
    for child in psutil.Process().children(recursive=True):
        if "spawn_main" in " ".join(child.cmdline()):
            child.kill()
    for day in range(2, 5):
        again = await fresh.http.get(f"/chart?format=svg&from=2026-01-0{day}&until=2026-01-0{day + 1}")
        assert again.status_code == 200
    assert before.status_code == 200
