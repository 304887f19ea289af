"""Alerts as a webhook is told of them: each that begins and each that ends, once and in order, whatever fails."""

import asyncio
import base64
import shutil
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook as Verifier

import service.alerts.alarms
import service.upkeep.rounds
from service.alerts.addresses import read_address, read_secret_key
from service.alerts.alarms import Alarms
from service.alerts.checking import Checking
from service.alerts.posting import NotDelivered
from service.alerts.posting import post as post_to
from service.alerts.rules import read_rules
from service.alerts.webhook import Webhook
from service.metrics import Metrics
from service.period.shifts import NO_SHIFTS
from service.store.alerts import Key
from tests.conftest import Engine, dropped_schema, settings_for
from tests.examples import examples
from tests.harness import Running, running, until
from tests.receiver import Receiver

pytestmark = pytest.mark.anyio

MINUTE = timedelta(minutes=1)
SECRET = f"whsec_{base64.b64encode(bytes(range(32))).decode()}"


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver().listening() as made:
        yield made


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the pauses."""
    monkeypatch.setattr(service.alerts.alarms, "PAUSE", 0.001)
    monkeypatch.setattr(service.alerts.alarms, "LONGEST_PAUSE", 0.001)


def alarms(service: Running, receiver: Receiver, rules: str, metrics: Metrics | None = None) -> Alarms:
    """The alerts of a replica that does a round when it is told to."""
    store, webhook = service.parts.store, Webhook(read_address(receiver.url), read_secret_key(SECRET), "http://here")
    return Alarms(
        read_rules(rules), Checking(store, NO_SHIFTS), store.alerts, webhook, metrics or service.parts.metrics
    )


async def post(service: Running, series: str, ago: int, **numbers: float) -> None:
    ts = (datetime.now(UTC) - ago * MINUTE).isoformat()
    answer = await service.http.post("/readings", json={"series": series, "ts": ts, **numbers})
    assert answer.status_code == 200, answer.text


async def rounds(made: Alarms, count: int = 1) -> None:
    for _ in range(count):
        await made.judge()
        await made.send()


async def test_it_begins_and_ends_once(fresh: Running, receiver: Receiver) -> None:
    made = alarms(fresh, receiver, "line2 series=line 2 behind=10% from=-1h; other series=x behind=0 from=-1h")
    await rounds(made)
    assert receiver.received == []
    await post(fresh, "line 2", 20, plan=100, fact=63)
    await rounds(made, 3)
    await post(fresh, "line 2", 10, fact=37)
    await rounds(made, 3)
    assert receiver.taken == [("line2", "firing"), ("line2", "resolved")]
    [begin, end] = [one.body for one in receiver.received]
    assert begin["version"] == "4"
    assert begin["groupKey"] == '{}:{alertname="line2", series="line 2"}'
    assert begin["commonLabels"] == begin["groupLabels"] == {"alertname": "line2", "series": "line 2"}
    assert (begin["truncatedAlerts"], begin["receiver"], begin["externalURL"]) == (0, "taktline", "http://here")
    [alert], [resolved] = begin["alerts"], end["alerts"]
    assert alert["annotations"] == begin["commonAnnotations"]
    assert alert["annotations"]["summary"].startswith("line 2: 37 behind since ")
    assert resolved["annotations"]["summary"] == "line 2: as planned"
    assert (alert["status"], resolved["status"]) == ("firing", "resolved")
    assert alert["startsAt"] == resolved["startsAt"]
    assert datetime.fromisoformat(alert["startsAt"]) < datetime.now(UTC) - 15 * MINUTE
    assert (alert["endsAt"], resolved["endsAt"] > resolved["startsAt"]) == ("0001-01-01T00:00:00Z", True)
    assert alert["generatorURL"] == "http://here/board?series=line+2"
    assert alert["fingerprint"] == resolved["fingerprint"]


async def test_it_is_signed(fresh: Running, receiver: Receiver) -> None:
    """The library of Standard Webhooks itself verifies it."""
    await rounds(alarms(fresh, receiver, "silence stale=5m"))
    [got] = receiver.received
    assert Verifier(SECRET).verify(got.raw, got.headers) == got.body
    assert got.headers["webhook-id"].startswith("msg_")
    assert got.headers["content-type"] == "application/json"


async def test_it_ends_when_it_was_well_for_as_long(fresh: Running, receiver: Receiver) -> None:
    """A fact that comes and goes around what is allowed doesn't ring each time."""
    made = alarms(fresh, receiver, "flap series=a behind=1 for=5m from=-1h")
    await post(fresh, "a", 4, plan=5)
    await rounds(made)
    assert receiver.taken == []  # not for five minutes yet
    await post(fresh, "a", 20, plan=5)
    await rounds(made)
    assert receiver.taken == [("flap", "firing")]
    await post(fresh, "a", 3, fact=10)
    await rounds(made)
    assert len(receiver.taken) == 1  # well, but not for five minutes yet
    await post(fresh, "a", 15, fact=10)
    await rounds(made)
    assert receiver.taken == [("flap", "firing"), ("flap", "resolved")]


async def test_each_series_by_itself(fresh: Running, receiver: Receiver) -> None:
    made = alarms(fresh, receiver, "each behind=0 from=-1h split=series; all behind=0 from=-1h")
    for name, fact in (("a", 9), ("b", 9), ("c", 20)):
        await post(fresh, name, 5, plan=10, fact=fact)
    await rounds(made, 2)
    await post(fresh, "b", 4, fact=1)
    await rounds(made, 2)
    named = [(one.body["commonLabels"].get("series"), one.body["status"]) for one in receiver.received]
    assert named == [("a", "firing"), ("b", "firing"), ("b", "resolved")]
    assert await fresh.parts.store.alerts.all() == {Key("each", "a")}


async def test_a_webhook_that_is_down_and_comes_back(fresh: Running) -> None:
    """Refused, cut, an error, a redirect, then back: begin and end once each, the same in each attempt, in order."""
    metrics, receiver = Metrics(), Receiver()
    async with receiver.listening():
        pass  # to have a port
    made = alarms(fresh, receiver, "a series=a behind=0 from=-1h; b series=b behind=0 from=-1h", metrics)
    for name in ("a", "b"):
        await post(fresh, name, 9, plan=5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(service.alerts.alarms, "PAUSE", 0.2)
        patch.setattr(service.alerts.alarms, "LONGEST_PAUSE", 0.2)
        await rounds(made)  # nobody listens
        await post(fresh, "a", 8, fact=5)
        await rounds(made)
        assert receiver.received == []
        receiver.answers = [500, None, 302, 404]
        async with receiver.listening():
            for _ in range(12):
                await rounds(made)
                await asyncio.sleep(0.1)
    assert [one for one in receiver.taken if one[0] == "a"] == [("a", "firing"), ("a", "resolved")]
    assert [one for one in receiver.taken if one[0] == "b"] == [("b", "firing")]
    ids = {one.headers["webhook-id"] for one in receiver.received}
    assert len(ids) == 3
    text = metrics.exposition().decode()
    assert 'taktline_alert_sent_total{rule="a"} 2.0' in text
    assert 'taktline_alert_sent_total{rule="b"} 1.0' in text
    assert text.count("taktline_alert_failed_total{") == 2


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl here")
async def test_certificates_are_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = f"{tmp_path}/key.pem", f"{tmp_path}/cert.pem"
    asked = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
    names = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", made[0], "-out", made[1])
    process = await asyncio.create_subprocess_exec("openssl", *asked, *names, stderr=asyncio.subprocess.DEVNULL)
    assert await process.wait() == 0
    tls, receiver = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), Receiver()
    tls.load_cert_chain(made[1], made[0])
    async with receiver.listening(tls):
        address = read_address(receiver.url.replace("http", "https", 1))
        with pytest.raises(NotDelivered, match="certificate verify failed"):
            await post_to(address, {}, b"{}", 5)
        assert receiver.received == []
        monkeypatch.setenv("SSL_CERT_FILE", made[1])
        await post_to(address, {}, b"{}", 5)
    assert [one.body for one in receiver.received] == [{}]


@pytest.mark.parametrize(
    "said", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\n", 20_000 * b"HTTP/1.1 100 X\r\n\r\n", None]
)
async def test_what_is_no_answer_is_no_delivery(said: bytes | None) -> None:
    ended = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await reader.readuntil(b"{}")
            if said is None:
                await reader.read()
            else:
                writer.write(said)
        writer.transport.abort() if said is None else writer.close()
        ended.set()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    address = read_address(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    with pytest.raises(NotDelivered):
        await post_to(address, {}, b"{}", 0.3)
    await asyncio.wait_for(ended.wait(), 5)
    server.close()
    await server.wait_closed()


async def test_what_nobody_takes_is_bounded_and_given_up(
    fresh: Running, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics = Metrics()
    made = alarms(fresh, receiver, "silence stale=5m", metrics)
    alerts = fresh.parts.store.alerts
    monkeypatch.setattr(service.alerts.alarms, "MOST_WAITING", 4)
    for number in range(5):
        await alerts.begin(Key("silence", ""), datetime.now(UTC), f"{number}")
        await alerts.end(Key("silence", ""), f"{number}")
    monkeypatch.setattr(service.alerts.alarms, "PAUSE", 60.0)
    monkeypatch.setattr(service.alerts.alarms, "LONGEST_PAUSE", 60.0)
    receiver.answers = [500]
    await made.send()
    assert 'taktline_alert_given_up_total{rule="silence"} 6.0' in metrics.exposition().decode()
    monkeypatch.setattr(service.alerts.alarms, "GIVE_UP", timedelta())
    await made.send()
    assert await alerts.claim(1, 1) is None


async def test_a_rule_that_is_gone_ends_its_alert(fresh: Running, receiver: Receiver) -> None:
    await rounds(alarms(fresh, receiver, "one stale=5m; two stale=5m"))
    await rounds(alarms(fresh, receiver, "two stale=5m"))
    assert receiver.taken == [("one", "firing"), ("two", "firing"), ("one", "resolved")]
    assert receiver.received[-1].body["commonAnnotations"] == {"summary": "no longer watched"}


async def test_two_at_once_send_each_once(fresh: Running, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the moment at which the lead changes, two may take themselves for the leader."""
    monkeypatch.setattr(service.alerts.alarms, "PAUSE", 30.0)
    monkeypatch.setattr(service.alerts.alarms, "LONGEST_PAUSE", 30.0)
    both = [alarms(fresh, receiver, "; ".join(f"r{n} stale=5m" for n in range(10))) for _ in range(2)]
    await asyncio.gather(*(rounds(one, 2) for one in both))
    assert sorted(receiver.taken) == sorted((f"r{n}", "firing") for n in range(10))


def alerting(engine: Engine, schema: str, receiver: Receiver) -> Any:
    rules = {"alerts": "silence series=a stale=5m", "alert_url": receiver.url, "alert_secret": SECRET}
    return settings_for(engine, schema, **rules, metrics_series="a")


@asynccontextmanager
async def quick() -> AsyncIterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("JUDGE_EVERY", "SEND_EVERY", "COUNT_EVERY"):
            patch.setattr(service.upkeep.rounds, name, 0.1)
        yield


@pytest.mark.parametrize("public", ["https://plant.example/taktline/", ""])
async def test_it_leads_to_the_address_that_people_use(
    engine: Engine, schema: str, receiver: Receiver, public: str
) -> None:
    """Without PUBLIC_URL to the machine, as Alertmanager's do."""
    settings = alerting(engine, schema, receiver).model_copy(update={"public_url": public})
    async with quick(), running(settings):
        await until(lambda: len(receiver.received) == 1, 30)
    told = receiver.received[0].body
    home = "https://plant.example/taktline" if public else f"http://{socket.gethostname()}:"
    assert told["externalURL"].startswith(home)
    assert told["alerts"][0]["generatorURL"] == f"{told['externalURL']}/board?series=a"


async def test_a_restart_neither_forgets_nor_repeats(engine: Engine, schema: str, receiver: Receiver) -> None:
    async with quick():
        async with running(alerting(engine, schema, receiver)):
            await until(lambda: receiver.taken == [("silence", "firing")], 30)
        async with running(alerting(engine, schema, receiver)) as again:
            await asyncio.sleep(0.5)
            metrics = ""
            async with asyncio.timeout(10):
                while 'taktline_alert_firing{rule="silence"} 1.0' not in metrics:
                    metrics = (await again.http.get("/metrics")).text
            assert receiver.taken == [("silence", "firing")]
            await post(again, "a", 0, fact=1)
            await until(lambda: len(receiver.taken) == 2, 30)
    assert receiver.taken == [("silence", "firing"), ("silence", "resolved")]


async def test_of_two_replicas_one_sends_and_the_other_takes_over(
    engine: Engine, schema: str, receiver: Receiver
) -> None:
    if engine.server.embedded:
        pytest.skip("the embedded engine has a single service")
    async with quick(), running(alerting(engine, schema, receiver)) as stays:
        async with running(alerting(engine, schema, receiver)):
            await until(lambda: len(receiver.taken) == 1, 30)
            await asyncio.sleep(0.5)
        await post(stays, "a", 0, fact=1)
        await until(lambda: len(receiver.taken) == 2, 40)
        await asyncio.sleep(0.5)
    assert receiver.taken == [("silence", "firing"), ("silence", "resolved")]


async def test_the_metrics_say_where_series_stand(engine: Engine, schema: str) -> None:
    async with running(settings_for(engine, schema, metrics_series="a; none")) as service:
        now = datetime.now(UTC)
        if now.hour == now.minute == 0:
            pytest.skip("today has just begun")
        await service.http.post(
            "/readings", json={"series": "a", "ts": f"{now:%Y-%m-%d}T00:00:00Z", "plan": 5, "fact": 3}
        )
        text = (await service.http.get("/metrics")).text
        await post(service, "a", 0, plan=5)
        again = (await service.http.get("/metrics")).text
    for wanted in ('taktline_plan{series="a"} 5.0', 'taktline_fact{series="a"} 3.0', 'taktline_ahead{series="a"} -2.0'):
        assert wanted in text
        assert wanted in again
    assert 'series="none"' not in text


@settings(examples(0.05), suppress_health_check=list(HealthCheck), database=None, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["fail", "mend", "down", "up", "round"])), max_size=12)
)
async def test_begin_and_end_take_turns(engine: Engine, steps: list[tuple[str, str]]) -> None:
    """Whatever happens in whatever order, each rule's messages are firing, resolved, firing and so on."""
    receiver = Receiver()
    async with dropped_schema(engine) as schema, running(settings_for(engine, schema)) as fresh, receiver.listening():
        made = alarms(fresh, receiver, "a series=a behind=0 from=-1h; b series=b behind=0 from=-1h")
        short = dict.fromkeys("ab", 0)
        for name, step in steps:
            match step:
                case "fail":
                    await post(fresh, name, 5, plan=1)
                    short[name] += 1
                case "mend":
                    await post(fresh, name, 5, fact=short[name])
                    short[name] = 0
                case "down":
                    receiver.answers = [500] * 4
                case "up":
                    receiver.answers = []
                case _:
                    await rounds(made)
        receiver.answers = []
        await rounds(made, 4)
        for name in "ab":
            statuses = [status for rule, status in receiver.taken if rule == name]
            assert statuses == (["firing", "resolved"] * len(statuses))[: len(statuses)]
            assert len(statuses) % 2 == (short[name] > 0)
