"""By what an installation is known from all others."""

import pytest

from service.store.installation import installation
from tests.conftest import Engine, dropped_schema, settings_for
from tests.harness import Running, running

pytestmark = pytest.mark.anyio


async def told(service: Running) -> str | None:
    """What a service tells of itself, without what hides it."""
    return await installation(service.parts.store.primary, lambda text: text)


async def test_replicas_are_one_and_schemas_are_several(engine: Engine, fresh: Running) -> None:
    async with running(fresh.parts.settings) as replica, dropped_schema(engine) as schema:
        assert await told(replica) == await told(fresh)
        assert replica.parts.installation == fresh.parts.installation
        async with running(settings_for(engine, schema)) as other:
            assert await told(other) != await told(fresh)


async def test_the_same_place_with_another_secret_is_another_one(fresh: Running) -> None:
    """As where servers are made from one image, and Taktline makes its secret at each of them."""
    async with fresh.parts.store.writing.connection() as con:
        await con.execute("delete from secret")
    async with running(fresh.parts.settings) as other:
        assert await told(other) == await told(fresh)
        assert other.parts.installation not in (None, fresh.parts.installation)
