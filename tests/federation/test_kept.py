"""What a view shows of times of which its sites don't keep the same."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.conftest import Engine, dropped_schema, settings_for
from tests.harness import Running, View, running, viewing

pytestmark = pytest.mark.anyio

OLD = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=100)
KEPT = timedelta(days=40)


@pytest.fixture
async def view(engine: Engine, fresh: Running) -> AsyncIterator[View]:
    """Two sites with the same readings, of which `short` keeps minutes for 40 days alone."""
    if engine.server.edition == "apache":
        pytest.skip("the Apache edition keeps everything")
    async with dropped_schema(engine) as schema:
        settings = settings_for(engine, schema, retention_readings=KEPT, retention_minute=KEPT)
        async with running(settings) as site:
            rows = [
                {"ts": (OLD + timedelta(minutes=minute)).isoformat(), "series": "a", "plan": 2, "fact": 1}
                for minute in (*range(60), 50 * 24 * 60)  # the newest minutes of all are never dropped
            ]
            for one in (fresh, site):
                assert (await one.http.post("/readings", json=rows)).status_code == 200
            retention = site.parts.store.retention
            retention.notice = timedelta()
            for _ in range(2):
                await retention.keep_to(settings.lifetimes)
            assert retention.kept.minutes is not None
            async with viewing({"long": fresh.url, "short": site.url}) as view:
                await view.service.parts.federation.look()
                yield view


async def chart(view: View, **params: Any) -> Any:
    ends = {"from": OLD.isoformat(), "until": (OLD + timedelta(hours=1)).isoformat()}
    answer = await view.http.get("/chart", params={**ends, "step": "1m", "format": "json", **params})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_steps_are_as_long_as_all_sites_of_a_chart_need(view: View) -> None:
    both = await chart(view)
    assert (both["step"], both["kept_as"]) == ("15m", "quarter")
    assert [bucket["fact"] for bucket in both["buckets"]] == [30, 30, 30, 30]
    alone = await chart(view, series="long/*")
    assert alone["step"] == "1m"
    assert len(alone["buckets"]) == 60
    board = await view.http.get(
        "/board", params={"from": OLD.isoformat(), "until": (OLD + timedelta(hours=1)).isoformat()}
    )
    assert board.json()["fact"] == 120


async def test_what_cannot_be_made_of_what_is_kept_is_refused(view: View) -> None:
    ends = {"from": OLD.isoformat(), "until": (OLD + timedelta(hours=1)).isoformat()}
    answer = await view.http.get("/chart", params={**ends, "agg": "increase", "format": "json"})
    assert answer.status_code == 400
    assert "short: from: what is asked for is before" in answer.json()["detail"]
