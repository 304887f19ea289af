"""When chunks move to the columnstore."""

from datetime import timedelta

import pytest

from service.errors import StartError
from tests.conftest import Engine, settings_for
from tests.database import connected
from tests.harness import running

pytestmark = pytest.mark.anyio

AFTER = """
select (config ->> 'compress_after')::interval
from timescaledb_information.jobs
where hypertable_schema = current_schema() and proc_name = 'policy_compression'
"""


async def test_the_setting_alone_changes_it(engine: Engine, schema: str) -> None:
    """What somebody has configured in the database stays, unless the setting says otherwise."""
    if engine.server.edition == "apache":
        pytest.skip("the Apache edition has no columnstore")
    async with connected(engine, schema) as con:
        for given, days in ((None, 7), ("30d", 30), (None, 30), ("10d", 10)):
            async with running(settings_for(engine, schema, **({"compress_after": given} if given else {}))):
                assert await con.fetchval(AFTER) == timedelta(days=days)


async def test_the_apache_edition_refuses_it(engine: Engine, schema: str) -> None:
    if engine.server.edition != "apache":
        pytest.skip("the community edition has a columnstore")
    with pytest.raises(StartError, match="COMPRESS_AFTER can't be used: TimescaleDB's Apache edition"):
        async with running(settings_for(engine, schema, compress_after="30d")):
            pass
