"""A real nginx with each configuration of the documentation, while no service is behind it: clients are told to try
again in words that they understand, and not in nginx's own HTML. That of Compose is in test_behind_replicas.py."""

import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.harness import free_port
from tests.nginx import configured, shown_in

pytestmark = pytest.mark.anyio
DOCS = Path(__file__).parents[2] / "docs"


def people_and_producers() -> str:
    """The server of docs/proxy.md with the locations of docs/access.md, where whoever asks is known."""
    inner = shown_in(DOCS / "access.md").replace("    auth_request /oauth2/auth;\n", "")
    whole, count = re.subn(
        r"    location /taktline/ \{.*?\n    \}\n", inner, shown_in(DOCS / "proxy.md"), flags=re.DOTALL
    )
    assert count == 1
    return whole


@pytest.mark.parametrize(
    ("shown", "paths"),
    [
        (lambda: shown_in(DOCS / "scale.md"), ["/readings"]),
        (lambda: shown_in(DOCS / "proxy.md"), ["/taktline/readings"]),
        (people_and_producers, ["/readings", "/write"]),
    ],
    ids=["scale", "proxy", "access"],
)
async def test_clients_are_told_to_try_again(shown: Callable[[], str], paths: list[str], tmp_path: Path) -> None:
    nobody = re.sub(r"127\.0\.0\.1:80\d\d", lambda _: f"127.0.0.1:{free_port()}", shown())
    async with configured(tmp_path, nobody) as url, httpx.AsyncClient(base_url=url, timeout=30) as client:
        for path in paths:
            for method in ("POST", "GET", "GET"):  # the third finds both known as away
                answer = await client.request(method, path)
                assert (answer.status_code, answer.json()["status"]) == (503, 503)
                assert answer.headers["content-type"] == "application/problem+json"
                assert answer.headers["retry-after"] == "2"
        headers = {"Upgrade": "websocket", "Connection": "Upgrade"}
        assert (await client.get(paths[0], headers=headers)).status_code == 503
