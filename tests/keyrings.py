"""Makes and revokes keys of a running service, which then knows of it at once."""

from service.access.grants import Scope
from service.access.keys import NewKey, digest_of, new_key
from tests.harness import Running


async def add_key(
    service: Running,
    name: str,
    *scopes: Scope,
    series: tuple[str, ...] | None = None,
    rate: float | None = None,
    key: str | None = None,
) -> str:
    """Make a key, with this text if it has to be known before."""
    key = key or new_key()
    assert await service.parts.store.keys.add(NewKey(name, frozenset(scopes), series, rate), digest_of(key))
    await service.parts.keyring.refresh()
    return key


async def revoke_key(service: Running, name: str) -> None:
    """The service learns of it by itself, with its next look."""
    assert await service.parts.store.keys.revoke(name)


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}
