"""The limit of open files, which leaves some for everything that isn't a client's connection: connections to the
database, pipes to the workers, files. Without these nothing could be committed."""

import resource
from contextlib import suppress

from service.errors import StartError

RESERVE = 100
"""The open files of a service without clients, about 50, and those for connections that are just being refused."""
LEAST = 10
"""The fewest connections that a service can be of use with."""


def allow_many() -> None:
    """Raise the limit of open files as far as allowed: the usual 1,024 would only do for a thousand producers."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # macOS says "unlimited" and refuses it
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def most_connections(wanted: int) -> int:
    """How many of the wanted connections there may be. Raises StartError where there can be hardly any."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return wanted
    if limit < RESERVE + LEAST:
        raise StartError(f"Only {limit} files may be open, and at least {RESERVE + LEAST} are needed: see ulimit -n")
    return min(wanted, limit - RESERVE)
