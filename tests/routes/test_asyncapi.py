"""The AsyncAPI document is one, and describes the WebSockets as they are."""

import json
from typing import Any

import jsonschema_rs
import pytest
from websockets.asyncio.client import connect

from service.engine.packages import install
from service.routes.asyncapi import IN, OUT
from service.routes.websocket_handshake import ADDRESSES, LIVE
from tests.conftest import cache
from tests.harness import Running, ask
from tools.javascript import TOOLS

pytestmark = pytest.mark.anyio


async def document(service: Running) -> dict[str, Any]:
    answer = await service.http.get("/schema/asyncapi.json")
    assert answer.status_code == 200
    made: dict[str, Any] = answer.json()
    return made


def named(payloads: dict[str, Any], frame: Any) -> set[str]:
    """The messages of the document that a frame can be."""
    return {name for name, payload in payloads.items() if jsonschema_rs.is_valid(payload, frame)}


async def payloads(service: Running, among: dict[str, Any]) -> dict[str, Any]:
    messages = (await document(service))["components"]["messages"]
    return {name: messages[name]["payload"] for name in among}


async def test_it_is_as_asyncapi_wants_it(shared: Running) -> None:
    """By AsyncAPI's own schema, which comes with the tools for the scripts."""
    folder = await install(cache(), lambda _: None, TOOLS)
    official = json.loads((folder / "node_modules/@asyncapi/specs/schemas/3.0.0-without-$id.json").read_text("utf-8"))
    check = jsonschema_rs.validator_for(official)
    made = await document(shared)
    assert [str(error) for error in check.iter_errors(made)] == []
    assert not check.is_valid({**made, "channels": {"a": {"adress": "/"}}})


async def test_every_reference_leads_somewhere(shared: Running) -> None:
    made = await document(shared)
    text = json.dumps(made)
    found = [part.split('"')[0] for part in text.split('"$ref": "#/')[1:]]
    assert len(found) > 10
    for path in found:
        place: Any = made
        for step in path.split("/"):
            place = place[step]


async def test_it_names_this_service_and_its_sockets(shared: Running) -> None:
    made = await document(shared)
    assert made["servers"]["here"]["host"] == shared.url.removeprefix("http://")
    assert made["servers"]["here"]["protocol"] == "ws"
    assert [one["address"] for one in made["channels"].values()] == [*ADDRESSES, LIVE]
    openapi = (await shared.http.get("/schema/openapi.json")).json()
    assert "(/schema/asyncapi.json)" in openapi["info"]["description"]


@pytest.mark.parametrize(
    ("frame", "kinds"),
    [
        ({"plan": 40, "fact": 38}, {"reading"}),
        ({"plan": 40, "colour": "red", "ts": "2026-01-31T06:00:00Z", "for": "8h"}, {"reading"}),
        ([{"plan": 1}, {"fact": 2}], {"batch"}),
        ({"id": "{name}", "readings": [{"plan": 1}]}, {"envelope"}),
    ],
)
async def test_what_it_allows_is_taken(shared: Running, name: str, frame: Any, kinds: set[str]) -> None:
    if isinstance(frame, dict) and "readings" in frame:
        frame = {**frame, "id": name}
    assert kinds <= named(await payloads(shared, IN), frame)
    async with connect(shared.ws) as socket:
        await socket.send(json.dumps(frame))
        answer = await ask(socket, {"id": f"{name} after", "readings": []})
    assert answer.get("ack") in (name, f"{name} after"), answer


async def test_answers_are_as_it_says(shared: Running, name: str) -> None:
    out = await payloads(shared, OUT)
    async with connect(shared.ws) as socket:
        frames: list[tuple[Any, str]] = [
            ({"id": name, "readings": [{"plan": 1}]}, "written"),
            ({"id": name, "readings": [{"plan": 1}]}, "duplicate"),
            ({"id": name, "readings": [{"plan": 2}]}, "refused"),
            ({"id": 5, "readings": [{"plan": 2}]}, "refused"),
            ({"plan": "many"}, "refused"),
        ]
        for frame, kind in frames:
            answer = await ask(socket, frame)
            assert named(out, answer) == {kind}, answer


async def test_what_it_forbids_is_refused(shared: Running, name: str) -> None:
    known = await payloads(shared, IN)
    async with connect(shared.ws) as socket:
        for frame in ("text", 5, None, {"plan": "many"}, [1], {"id": "", "readings": [{"plan": 1}]}, {"series": ""}):
            assert not named(known, frame) - {"reading"} or frame == {}, frame
            assert "error" in await ask(socket, frame), frame
