"""Pages of other sites can't write or connect through a visitor's browser. The headers are those that Chromium 141
sends."""

import json

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.conftest import Engine, settings_for
from tests.harness import Running, ask, counted, running, stored
from tests.raw_http import statuses, talk

pytestmark = pytest.mark.anyio
EVIL = "https://evil.example"
CROSS = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "empty", "Origin": EVIL}
LINE = b"a plan=1,fact=1"
WRITES = ["/write", "/api/v2/write", "/api/v3/write_lp"]


def reading(series: str) -> bytes:
    return json.dumps({"series": series, "plan": 1}).encode()


ATTACKS: list[tuple[str, dict[str, str]]] = [
    ("fetch", CROSS),
    ("fetch from another port of this host", {**CROSS, "Sec-Fetch-Site": "same-site"}),
    ("fetch without encryption", {"Origin": "http://evil.example"}),
    ("sandboxed frame", {"Origin": "null"}),
    ("sandboxed frame, encrypted", {**CROSS, "Origin": "null"}),
    ("form", {**CROSS, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-User": "?1"}),
]


@pytest.mark.parametrize("headers", [one for _, one in ATTACKS], ids=[name for name, _ in ATTACKS])
async def test_it_writes_nothing(shared: Running, name: str, headers: dict[str, str]) -> None:
    text = {"Content-Type": "text/plain;charset=UTF-8"}
    for path in WRITES:
        answer = await shared.http.post(path, content=f"{name} plan=1,fact=1".encode(), headers={**text, **headers})
        assert answer.status_code == 403, (path, answer.text)
    answer = await shared.http.post(
        "/readings", content=reading(name), headers={"Content-Type": "application/json", **headers}
    )
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert "TRUSTED_ORIGINS" in answer.json()["detail"]
    answer = await shared.http.post("/query", content=b"q=CREATE+DATABASE+x", headers={**text, **headers})
    assert answer.status_code == 403
    assert (await shared.http.get("/display", params={"series": name})).json()["total"] == 0


async def test_each_way_in_is_refused_in_its_own_words_and_counted(shared: Running) -> None:
    def body(path: str) -> bytes:
        return b'{"plan": 1}' if path == "/readings" else LINE

    for path in (*WRITES, "/readings", "/query"):
        before = await counted(shared, path, "origin")
        answer = await shared.http.post(path, content=body(path), headers={"Content-Type": "application/json", **CROSS})
        assert await counted(shared, path, "origin") == before + 1
        told = answer.json()
        assert EVIL in (told.get("detail") or told.get("error") or told.get("message"))
    assert (await shared.http.post("/api/v2/write", content=LINE, headers=CROSS)).json()["code"] == "forbidden"


async def test_a_form_gets_a_page(shared: Running) -> None:
    headers = {**CROSS, "Content-Type": "text/plain", "Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    answer = await shared.http.post("/readings", content=b'{"a":"="}', headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (403, "text/html; charset=utf-8")
    assert "Sign in with another key" not in answer.text  # which would change nothing


async def test_before_its_body_is_read(shared: Running) -> None:
    head = f"POST /readings HTTP/1.1\r\nHost: x\r\nOrigin: {EVIL}\r\nContent-Type: application/json\r\n"
    answer = await talk(shared, f"{head}Connection: close\r\nContent-Length: 1000\r\n\r\n".encode())
    assert statuses(answer) == [403]


async def test_a_blob_without_a_type_needs_one(shared: Running, name: str) -> None:
    """`fetch(…, {method: "POST", body: new Blob([…])})` has no Content-Type."""
    request = shared.http.build_request("POST", "/readings", content=reading(name))
    assert "content-type" not in request.headers
    answer = await shared.http.send(request)
    assert answer.status_code == 415
    assert "Content-Type" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["", "ws", "live"])
@pytest.mark.parametrize("origin", [EVIL, "null", "http://127.0.0.1:1"])
async def test_it_opens_no_socket(shared: Running, path: str, origin: str) -> None:
    where = "/live" if path == "live" else "websocket"
    before = await counted(shared, where, "origin")
    with pytest.raises(InvalidStatus) as caught:
        await connect(shared.ws + path, additional_headers={"Origin": origin})
    response = caught.value.response
    assert (response.status_code, response.headers["content-type"]) == (403, "application/problem+json")
    assert "may not connect" in json.loads(response.body or b"")["detail"]
    assert await counted(shared, where, "origin") == before + 1


async def test_our_own_pages_and_programs_pass(shared: Running, name: str) -> None:
    for number, headers in enumerate(
        ({}, {"Origin": shared.url}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"})
    ):
        answer = await shared.http.post("/readings", json={"series": name, "plan": number}, headers=headers)
        assert answer.status_code == 200
    for headers in ({}, {"Origin": shared.url}):
        async with connect(shared.ws, additional_headers=headers) as socket:
            answered = await ask(socket, {"id": f"{name} {len(headers)}", "readings": [{"series": name}]})
            assert answered["written"] == 1
    await stored(shared, name, 6)


async def test_links_and_pictures_from_elsewhere_still_work(shared: Running) -> None:
    navigating = {**CROSS, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    for path in ("/", "/display", "/chart", "/schema"):
        assert (await shared.http.get(path, headers=navigating)).status_code == 200


async def test_trusted_pages_may(engine: Engine, schema: str) -> None:
    async with running(settings_for(engine, schema, trusted_origins=f"http://intranet.example {EVIL}/")) as service:
        answer = await service.http.post("/readings", json={"plan": 1}, headers=CROSS)
        assert answer.status_code == 200
        for path in ("", "live"):
            async with connect(service.ws + path, additional_headers={"Origin": EVIL}):
                pass
        answer = await service.http.post(
            "/readings", json={"plan": 1}, headers={**CROSS, "Origin": "https://more.evil.example"}
        )
        assert answer.status_code == 403
