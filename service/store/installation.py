"""Which installation this is, of all there are."""

from collections.abc import Callable

from service.store.host_answers import NOT_ALLOWED
from service.store.pool import Pool
from service.store.queries import query


async def installation(pool: Pool, seal: Callable[[str], str]) -> str | None:
    """A text that all replicas of this installation have in common, and no other has; None where the server keeps to
    itself which cluster it is. It is the place of the data, sealed with a secret that is among them: whoever restores a
    dump has the secret and another place, and servers made from one image have one place and other secrets. Raises
    Unavailable."""
    async with pool.connection() as con:
        try:
            [row] = await con.fetch(query("installation"))
        except NOT_ALLOWED:
            return None
    return seal(f"{row['cluster']}.{row['database']}.{row['schema']}")
