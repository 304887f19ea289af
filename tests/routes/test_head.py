"""HEAD at all addresses with GET, for uptime monitors and link checkers."""

from typing import Any

import asyncpg
import pytest

from service.store.pool import Pool
from tests.harness import Running

pytestmark = pytest.mark.anyio
VARYING = {"date", "server-timing", "transfer-encoding", "x-request-id"}


@pytest.mark.parametrize(
    "path",
    ["/", "/livez", "/readyz", "/display", "/display?page=9999999", "/schema/openapi.json", "/readings", "/nowhere"],
)
async def test_head_says_what_get_says(shared: Running, path: str) -> None:
    shown, asked = await shared.http.get(path), await shared.http.head(path)
    assert (asked.status_code, asked.content) == (shown.status_code, b"")
    headers = [{(name, text) for name, text in one.headers.items() if name not in VARYING} for one in (shown, asked)]
    assert headers[0] == headers[1]


async def test_a_long_export_ends_with_its_first_part(fresh: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest of the readings isn't read, and the connection serves the next request."""
    parts: list[str] = []
    reading = Pool.read

    async def noted(pool: Pool, name: str, *args: object, **filled: Any) -> list[asyncpg.Record]:
        parts.append(name)
        return await reading(pool, name, *args, **filled)

    monkeypatch.setattr(Pool, "read", noted)
    rows = "\n".join(f'{{"ts": {1_700_000_000 + number}, "plan": 1}}' for number in range(30_000))
    await fresh.http.post("/readings", content=rows, headers={"Content-Type": "application/x-ndjson"})
    for _ in range(3):
        asked = await fresh.http.head("/readings", params={"from": "2023-01-01"})
        assert (asked.status_code, asked.content) == (200, b"")
    assert parts.count("readings") <= 3 * 3
    assert len((await fresh.http.get("/readings", params={"from": "2023-01-01"})).text.splitlines()) == 30_000


async def test_head_where_there_is_no_get(shared: Running) -> None:
    assert (await shared.http.head("/write")).status_code == 405
