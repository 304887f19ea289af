"""Which proxies are believed about the client that they speak for."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from ipaddress import IPv4Network as Network

ANY = "*"
LONGEST = 100
"""The most characters of an address with its port. The zone of an IPv6 address might have any number."""
Address = IPv4Address | IPv6Address


class Proxies:
    """The proxies in a text: addresses and networks, separated by commas or blanks, or `*`: whoever connects is one.
    Raises ValueError for anything else."""

    def __init__(self, text: str) -> None:
        given = text.replace(",", " ").split()
        self._any = ANY in given
        self._networks = [_network(part) for part in given if part != ANY]
        self.trust = lru_cache(maxsize=1024)(self._trust)

    def __bool__(self) -> bool:
        return self._any or bool(self._networks)

    def client(self, peer: str, forwarded: str) -> str:
        """The address of the client: the last one in X-Forwarded-For that isn't a proxy. What stands before it, the
        client may have written itself; where something else than an address stands there, the proxy after it counts."""
        client = peer
        for part in reversed(forwarded.split(",")):
            address = _read(part)
            if address is None:
                return client
            client = str(address)
            if self._any or not self.trust(client):
                return client
        return client

    def _trust(self, peer: str) -> bool:
        address = _read(peer)
        return self._any or (address is not None and any(address in one for one in self._networks))


def _network(part: str) -> Network | IPv6Network:
    try:
        return ip_network(part, strict=False)
    except ValueError:
        raise ValueError(f"{part!r} is no address; write addresses or networks like 10.0.0.0/8, or *") from None


def _read(text: str) -> Address | None:
    """The address in a text, which may have a port; an IPv4 address written as one of IPv6 is an IPv4 address."""
    text = text.strip()
    if len(text) > LONGEST:
        return None
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
