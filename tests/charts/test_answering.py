"""How one question for a chart is answered, without web server and database."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from service.charts.answering import Charts
from service.charts.question import MAX_PIXELS, Appearance, ChartQuestion, Delivery
from service.charts.renderer import Renderer
from service.errors import BadRequest
from service.limits.fair_line import FairLine
from service.metrics import Metrics
from service.period.bucket import Bucket, Numbers, Panel
from service.period.comparison import Threshold
from service.period.steps import Period

pytestmark = pytest.mark.anyio

START, END = datetime(2026, 11, 22, 10, 0, tzinfo=UTC), datetime(2026, 11, 22, 11, 0, tzinfo=UTC)
QUESTION = ChartQuestion(Period(START, END, "1m", "UTC"), None, Appearance("%H:%M"))
JSON, SVG = Delivery("json"), Delivery("svg")


class Data:
    """The data of the charts, which a test changes directly."""

    def __init__(self) -> None:
        self.plan, self.commits, self.reads = 40.0, 0, 0

    async def read(self, *_: object) -> Numbers:
        self.reads += 1
        return Numbers((Panel(None, None, (Bucket(START, self.plan, 38.0, 1),)),), END)

    async def committed(self) -> str:
        return str(self.commits)

    def commit(self, plan: float) -> None:
        self.plan, self.commits = plan, self.commits + 1


@pytest.fixture
def data() -> Data:
    return Data()


@pytest.fixture
def charts(data: Data) -> Charts:
    async def library() -> bytes:
        return b""

    metrics = Metrics()
    return Charts(data.read, data.committed, Renderer(0, metrics), library, metrics, FairLine("reads", 1, 100))


def asked_with(**changes: Any) -> ChartQuestion:
    return msgspec.structs.replace(QUESTION, appearance=msgspec.structs.replace(QUESTION.appearance, **changes))


async def test_a_client_that_has_the_chart_is_sent_no_body(charts: Charts) -> None:
    first = await charts.answer(QUESTION, JSON)
    assert first.body is not None
    assert b'"plan":40.0' in first.body.data
    assert first.facts_until == END
    for known in ((first.tag,), ('"x"', first.tag), ("*",)):
        again = await charts.answer(QUESTION, Delivery("json", known_tags=known))
        assert (again.tag, again.body) == (first.tag, None)
    other = await charts.answer(QUESTION, Delivery("json", known_tags=('"x"',)))
    assert other.body is not None
    assert (other.body.data, other.body.cache) == (first.body.data, "hit")


async def test_the_numbers_are_read_again_only_after_a_commit(charts: Charts, data: Data) -> None:
    first = await charts.answer(QUESTION, JSON)
    assert (await charts.answer(QUESTION, Delivery("csv"))).tag != first.tag
    assert (await charts.picture(QUESTION)).numbers.panels[0].buckets[0].plan == 40
    assert data.reads == 1
    data.commit(41)
    second = await charts.answer(QUESTION, Delivery("json", known_tags=(first.tag,)))
    assert second.body is not None
    assert (data.reads, second.tag != first.tag) == (2, True)
    assert b'"plan":41' in second.body.data


@pytest.mark.parametrize("change", [{"theme": "dark"}, {"height": 300}, {"title": "T"}, {"threshold": Threshold(2)}])
async def test_a_tag_tells_appearances_apart_unless_the_chart_is_a_table(
    charts: Charts, change: dict[str, Any]
) -> None:
    async def tag(question: ChartQuestion, delivery: Delivery) -> str:
        return (await charts.answer(question, msgspec.structs.replace(delivery, known_tags=("*",)))).tag

    assert await tag(asked_with(**change), SVG) != await tag(QUESTION, SVG)
    assert await tag(asked_with(**change), JSON) == await tag(QUESTION, JSON)


async def test_what_is_too_large_is_refused_even_where_it_is_known(charts: Charts) -> None:
    side = int(MAX_PIXELS**0.5) + 1
    with pytest.raises(BadRequest, match="scale: makes a picture of more than"):
        await charts.answer(asked_with(width=side, height=side), Delivery("png", known_tags=("*",)))
    minutes = msgspec.structs.replace(QUESTION, period=Period(START, END.replace(day=24), "1m", "UTC"))
    with pytest.raises(BadRequest, match="too many for a picture"):
        await charts.answer(minutes, Delivery("png", known_tags=("*",)))
