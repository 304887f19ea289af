"""Which series a request shows: those that it names, and of all others those that its caller may see."""

from collections.abc import Sequence

from service.access.grants import Grant
from service.errors import Forbidden, quoted
from service.languages.sentence import sentence
from service.period.selection import ALL_SERIES, SeriesFilter


def series_shown(names: Sequence[str] | None, grant: Grant) -> SeriesFilter:
    """The filter for the series that a request names, or for all where it names none. Raises Forbidden for a name that
    the grant doesn't cover, whether there is such a series or not."""
    patterns = patterns_of(grant)
    if patterns is None:
        return SeriesFilter(tuple(names)) if names else ALL_SERIES
    for name in names or ():
        if not grant.covers(name):
            raise Forbidden(sentence("series: %(name)s isn't among those that this key may see.", name=quoted(name)))
    return SeriesFilter(tuple(names) if names else None, patterns)


def patterns_of(grant: Grant) -> tuple[str, ...] | None:
    """The patterns of the series that a caller may see, in order, so that callers with the same ones share what is
    read; None where they are all series."""
    if grant.series is None or "*" in grant.series:
        return None
    return tuple(sorted(set(grant.series)))
