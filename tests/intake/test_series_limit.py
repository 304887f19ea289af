"""MAX_SERIES: who would bring too many new series is refused, by every transport, and nobody else is."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence

import pytest
from websockets.asyncio.client import connect

from service.errors import TooManySeries, Unavailable
from service.intake.batch import Packed
from service.intake.copy_rows import text_field
from service.intake.gate import Gate, Sender
from service.intake.rates import Rates
from service.intake.series_limit import SeriesLimit
from service.intake.writer import Writer
from service.limits.allowance import Allowance
from service.metrics import Metrics
from tests.batches import RULES
from tests.conftest import Engine, dropped_schema, settings_for
from tests.database import connected
from tests.harness import Running, ask, counted, free_port, running, stored

pytestmark = pytest.mark.anyio
SAID = (
    "'new' would be a new series, and there are as many as MAX_SERIES allows, 3. "
    "Write to a series that exists, or raise the setting."
)


def fields(*names: str) -> frozenset[bytes]:
    return frozenset(text_field(name.encode()) for name in names)


@pytest.fixture(scope="module")
async def full(engine: Engine) -> AsyncIterator[Running]:
    """A service that has as many series as it may: a, b and c."""
    async with dropped_schema(engine) as schema:
        settings = settings_for(engine, schema, max_series=3, tcp_port=free_port(), api_host="127.0.0.1")
        async with running(settings) as service:
            assert (await service.http.post("/readings", json=[{"plan": 1, "series": "a"}])).status_code == 200
            assert (await service.http.post("/write", content="b plan=1\nc plan=2")).status_code == 204
            yield service


async def records(service: Running, series: str) -> int:
    return int((await service.http.get("/display", params={"series": series})).headers["x-total-count"])


@pytest.mark.parametrize("path", ["/readings", "/write", "/api/v2/write", "/api/v3/write_lp"])
async def test_a_request_is_refused_with_a_sentence(full: Running, path: str) -> None:
    json_body, lines = [{"plan": 1, "series": "a"}, {"plan": 1, "series": "new"}], "a plan=1\nnew plan=1"
    before, of_a = await counted(full, path, "too_many_series"), await records(full, "a")
    body = {"json": json_body} if path == "/readings" else {"content": lines}
    answer = await full.http.post(path, **body)
    assert answer.status_code == 422
    assert SAID in answer.json().values()
    assert await counted(full, path, "too_many_series") == before + 1
    assert (await records(full, "a"), await records(full, "new")) == (of_a, 0)
    assert (await full.http.post("/readings", json={"plan": 1, "series": "a"})).status_code == 200


async def test_a_frame_is_refused_under_its_id_and_the_socket_stays_open(full: Running) -> None:
    before = await counted(full, "websocket", "too_many_series")
    async with connect(full.ws) as socket:
        answer = await ask(socket, {"id": "one", "readings": [{"plan": 1, "series": "new"}]})
        assert (answer["id"], answer["error"]["status"], answer["error"]["detail"]) == ("one", 422, SAID)
        answer = await ask(socket, {"plan": 1, "series": "new"})
        assert (answer.get("id"), answer["error"]["status"]) == (None, 422)
        assert (await ask(socket, {"id": "two", "readings": [{"plan": 1, "series": "c"}]})) == {
            "ack": "two",
            "written": 1,
        }
    assert await counted(full, "websocket", "too_many_series") == before + 2


async def test_over_tcp_the_good_readings_beside_it_are_written(full: Running) -> None:
    before, of_b = await counted(full, "tcp", "too_many_series"), await records(full, "b")
    _, writer = await asyncio.open_connection("127.0.0.1", full.parts.settings.tcp_port)
    writer.write(b'{"plan": 1, "series": "b"}\n{"plan": 1, "series": "new"}\n{"plan": 2, "series": "b"}\n')
    await stored(full, "b", of_b + 2)
    writer.write(b'{"plan": 3, "series": "b"}\n')
    await stored(full, "b", of_b + 3)
    writer.close()
    await writer.wait_closed()
    assert await counted(full, "tcp", "too_many_series") == before + 1
    assert await records(full, "new") == 0


async def test_what_is_written_at_the_same_time_is_not_harmed(full: Running) -> None:
    of_a = await records(full, "a")
    names = ["a" if number % 2 else f"new {number}" for number in range(60)]
    answers = await asyncio.gather(*(full.http.post("/readings", json={"plan": 1, "series": name}) for name in names))
    assert [one.status_code for one in answers] == [200 if name == "a" else 422 for name in names]
    assert await records(full, "a") == of_a + 30


async def test_of_many_that_come_at_once_as_many_are_taken_as_there_is_room_for(engine: Engine, schema: str) -> None:
    async with running(settings_for(engine, schema, max_series=5)) as service, connected(engine, schema) as con:
        sends = (service.http.post("/readings", json={"plan": 1, "series": f"s{number}"}) for number in range(40))
        statuses = [one.status_code for one in await asyncio.gather(*sends)]
        assert (statuses.count(200), statuses.count(422)) == (5, 35)
        assert await con.fetchval("select count(*) from series") == 5


async def test_a_batch_that_is_not_written_takes_no_room(engine: Engine, schema: str) -> None:
    async with running(settings_for(engine, schema, max_series=2)) as service, connected(engine, schema) as con:

        async def post(series: str) -> int:
            body, headers = {"plan": 1, "series": series}, {"Idempotency-Key": "one"}
            return (await service.http.post("/readings", json=body, headers=headers)).status_code

        assert [await post(series) for series in ("a", "b", "c", "d", "a")] == [200, 422, 422, 422, 200]
        assert await con.fetchval("select array_agg(name) from series") == ["a"]
        assert (await service.http.post("/readings", json={"plan": 1, "series": "e"})).status_code == 200


async def test_series_of_other_replicas_are_known_and_count(engine: Engine, schema: str) -> None:
    """What another replica has added since this one looked can be written here, though there is no room for more."""
    async with running(settings_for(engine, schema, max_series=2)) as service, connected(engine, schema) as con:
        assert (await service.http.post("/readings", json={"plan": 1, "series": "mine"})).status_code == 200
        await con.execute("insert into series values ('theirs'), ('and one more')")
        # this replica doesn't know yet that there is no room any more, and will when it counts again
        service.parts.gate.series._counted_at = None
        for name, status in (("new", 422), ("theirs", 200), ("and one more", 200), ("mine", 200), ("newer", 422)):
            assert (await service.http.post("/readings", json={"plan": 1, "series": name})).status_code == status, name


async def test_a_service_that_starts_again_knows_its_series(engine: Engine, schema: str) -> None:
    for name, status in (("a", 200), ("b", 422), ("a", 200)):
        async with running(settings_for(engine, schema, max_series=1)) as service:
            assert (await service.http.post("/readings", json={"plan": 1, "series": name})).status_code == status


class Table:
    """A table of names that may be away."""

    def __init__(self, *names: str) -> None:
        self.names, self.away, self.asked = list(names), False, 0

    async def first(self, count: int) -> list[str]:
        if self.away:
            raise Unavailable
        return self.names[:count]

    async def existing(self, names: Sequence[str]) -> list[str]:
        self.asked += 1
        await asyncio.sleep(0.01)
        if self.away:
            raise Unavailable
        return [name for name in names if name in self.names]

    async def count(self) -> int:
        return len(self.names)


async def test_all_who_ask_at_once_share_look_ups() -> None:
    table = Table(*(f"old {number}" for number in range(100)))
    limit = SeriesLimit(10, set(), table)
    asked = [limit.admit(fields(f"{'old' if number % 2 else 'new'} {number}")) for number in range(100)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert [isinstance(one, TooManySeries) for one in answers] == [number % 2 == 0 for number in range(100)]
    assert table.asked <= 3


async def test_while_the_database_is_away_requests_are_told_to_come_again_and_connections_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("service.intake.gate.LOOK_AGAIN", 0.01)
    table = Table("a")
    table.away = True
    writer = Writer(None, Metrics(), max_readings=10, max_bytes=10**6)  # type: ignore[arg-type]
    gate = Gate(writer, Rates(0), RULES, Allowance(1000), Metrics(), SeriesLimit(2, set(), table))
    entrance, batch = gate.enter(Sender("tcp", "192.0.2.1")), Packed(None, None, 1, b"", frozenset(), fields("b"), 0)
    with pytest.raises(Unavailable):
        await entrance.offer(batch)
    putting = asyncio.create_task(entrance.put(batch))
    await asyncio.sleep(0.05)
    assert (putting.done(), entrance.pausing) == (False, True)
    table.away = False
    assert not (await asyncio.wait_for(putting, 1)).done()


async def test_a_frame_with_new_series_is_acknowledged_like_any_other(fresh: Running) -> None:
    async with connect(fresh.ws) as socket:
        for number in range(20):
            text = {"id": f"{number}", "readings": [{"plan": 1, "series": f"s {number} {each}"} for each in range(50)]}
            await socket.send(json.dumps(text))
        for number in range(20):
            assert json.loads(await socket.recv()) == {"ack": f"{number}", "written": 50}
