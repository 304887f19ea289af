"""Who counts as one caller where what the service can do is shared out: whoever has the same key, or the same address
without one. So people behind one address share a share."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

from service.access.grants import Grant

HOST_BITS = 64
"""The bits of an IPv6 address that its owner chooses freely: https://www.rfc-editor.org/rfc/rfc4291#section-2.5.4."""


def caller(grant: Grant, address: str) -> str:
    """The caller with this grant, at this address."""
    return owner(address) if grant.key is None else f"key {grant.key}"


@lru_cache(maxsize=4096)
def owner(address: str) -> str:
    """The address, or its network where one owner has many addresses."""
    try:
        found = ip_address(address)
    except ValueError:  # a host that isn't on the internet, as in tests
        return address
    if not isinstance(found, IPv6Address):
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ip_network((found, 128 - HOST_BITS), strict=False))
