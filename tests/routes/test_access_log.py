"""ACCESS_LOG: a line an answer, with nothing secret in it."""

import base64
import io
import json
import logging
from collections.abc import AsyncIterator, Iterator

import pytest
import structlog
from websockets.asyncio.client import connect

from service.access.grants import Scope
from service.access.keys import new_key
from service.routes.edge.access_log import HIDDEN, address
from service.run.logs import configure
from tests.conftest import Engine, dropped_schema, settings_for
from tests.harness import Running, ask, running, until
from tests.keyrings import add_key, bearer

KEY = new_key()


class Lines(io.StringIO):
    """The log as a collector gets it."""

    def all(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]

    def access(self) -> list[dict[str, object]]:
        return [line for line in self.all() if line["logger"] == "access"]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """What the service logs as JSON."""
    before, handlers, level = structlog.get_config(), [*logging.root.handlers], logging.root.level
    captured = Lines()
    configure("INFO", "json")
    structlog.configure(cache_logger_on_first_use=False)
    for handler in logging.root.handlers:
        assert isinstance(handler, logging.StreamHandler)
        handler.setStream(captured)
    http, told = logging.getLogger("httpx"), logging.getLogger("httpx").level
    http.setLevel(logging.WARNING)  # the tests' own client, which logs whole addresses
    yield captured
    http.setLevel(told)
    logging.root.handlers, logging.root.level = handlers, level
    structlog.configure(**before)


@pytest.fixture
async def logging_service(engine: Engine, lines: Lines) -> AsyncIterator[Running]:
    async with (
        dropped_schema(engine) as schema,
        running(settings_for(engine, schema, access_log="on", root_path="/taktline")) as service,
    ):
        await add_key(service, "all", Scope.ADMIN, key=KEY)
        yield service


@pytest.mark.anyio
async def test_each_answer_is_a_line(logging_service: Running, lines: Lines) -> None:
    headers = {"X-Request-ID": "mine", **bearer(KEY)}
    answer = await logging_service.http.get("/display?per_page=1", headers=headers)
    await logging_service.http.get("/nope", headers=headers)
    await logging_service.http.get("/taktline/livez")
    async with connect(logging_service.ws, additional_headers=headers) as socket:
        await ask(socket, {"id": "a", "readings": [{"plan": 1}]})
    await until(lambda: len(lines.access()) == 4)
    first, second, third, last = lines.access()
    assert first["bytes"] == len(answer.content)
    assert 0 < float(str(first.pop("seconds"))) < 30
    assert {name: first[name] for name in ("method", "path", "status", "client", "request_id", "event", "level")} == {
        "method": "GET",
        "path": "/display?per_page=1",
        "status": 200,
        "client": "127.0.0.1",
        "request_id": "mine",
        "event": "answered",
        "level": "info",
    }
    assert (second["path"], second["status"]) == ("/nope", 404)
    assert (third["path"], third["status"]) == ("/taktline/livez", 200)
    assert third["request_id"] not in ("", "mine")
    assert (last["path"], last["status"], last["request_id"]) == ("/", 101, "mine")
    assert int(str(last["bytes"])) == len('{"ack":"a","written":1}')


@pytest.mark.anyio
async def test_nothing_secret_is_logged(logging_service: Running, lines: Lines) -> None:
    """A key in each of the places where clients put one, right or wrong, and where they put it by mistake."""
    http, wrong = logging_service.http, new_key()
    basic = base64.b64encode(f"user:{KEY}".encode()).decode()
    for key in (KEY, wrong):
        await http.get("/display", headers=bearer(key))
        await http.get("/display", headers={"Authorization": f"Token {key}"})
        await http.get("/display", headers={"Cookie": f"taktline_session={key}"})
        await http.post(f"/write?u=user&p={key}", content="a plan=1")
        await http.get(f"/display?token={key}")
        await http.get(f"/display?series={key}")
        await http.get(f"/{key}/display")
        await http.get("/display", headers={"Accept": "text/html", "Referer": f"http://x/?sig={key}"})
        await http.get(f"/chart?sig={key}&expires=1&by=1", headers={"Accept": "text/html"})
        await http.get(f"/sign-in?next=%2Fchart%3Fsig%3D{key}%26by%3D1")
        await http.post("/sign-in", data={"key": key}, headers={"Origin": logging_service.url})
        await http.get(f"{logging_service.url.replace('//', f'//user:{key}@')}/display")
        await http.get(f"{logging_service.url.replace('//', f'//{key}@')}/display")
    await http.get("/display", headers={"Authorization": f"Basic {basic}"})
    async with connect(logging_service.ws, subprotocols=[f"taktline.key.{KEY}"]):  # type: ignore[list-item]
        pass
    await until(lambda: len(lines.access()) == 28)
    text = lines.getvalue()
    for secret in (KEY, wrong, KEY[3:], wrong[3:], basic):
        assert secret not in text
    assert HIDDEN in text


@pytest.mark.anyio
async def test_without_the_setting_there_is_none(engine: Engine, schema: str, lines: Lines) -> None:
    async with running(settings_for(engine, schema)) as service:
        await service.http.get("/livez")
    assert lines.access() == []


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("/chart", "/chart"),
        ("/chart?from=-1h&series=line%202", "/chart?from=-1h&series=line%202"),
        ("/chart?sig=abc&expires=1", "/chart?sig=***&expires=1"),
        ("/write?u=me&p=&db=x", "/write?u=***&p=***&db=x"),
        ("/write?P=pass", "/write?P=***"),
        ("/write?%70=pass", "/write?%70=***"),
        ("/sign-in?next=%2Fdisplay%3Fpage%3D2", "/sign-in?next=%2Fdisplay%3Fpage%3D2"),
        ("/sign-in?next=%2Fchart%3Fsig%3Dabc", "/sign-in?next=***"),
        ("/sign-in?next=%2Fsign-in%3Fnext%3D%252Fchart%253Fsig%253Dabc", "/sign-in?next=***"),
        ("/sign-in?sig%3Dabc", "/sign-in?***"),
        ("/display?series=a=b", "/display?series=a=b"),
        (f"/display?{KEY}", "/display?***"),
        (f"/{KEY}?a=b", "/***?a=b"),
        (f"/display?series=x+{KEY.replace('tk_', 'tk%5F')}", "/display?series=***"),
        ("/?" + "&".join(["a=b"] * 1000), "/?" + "&".join(["a=b"] * 1000)),
    ],
)
def test_what_is_shown_of_an_address(given: str, shown: str) -> None:
    assert address(*given.partition("?")[::2]) == shown


def test_what_is_hidden_deep_down_is_not_shown() -> None:
    """However often it is quoted."""
    assert address("/sign-in", "next=" + "%252525252525" * 50) == "/sign-in?next=***"
