"""Readings of the past: many days at once, and years of them. A database keeps what it stores by time in parts, each of
which costs something, and it keeps sums that have to follow."""

import random
import time

from siege.attacks.bodies import post
from siege.attacks.greed import together
from siege.target import Assault, Target
from siege.wire import ask, request

CSV = {"Content-Type": "text/csv"}
DAY = 86_400_000
"""In milliseconds."""
YEARS, A_BODY = 10, 2_000
"""Over how many years an import is spread, and how many readings a request of it has."""


def thousands_of_days(target: Target) -> Assault:
    """CSV: 3,000 readings on 3,000 days."""
    return post(target, _table(range(1, 3001)), CSV)


def thousands_of_weeks(target: Target) -> Assault:
    """CSV: a reading in each week since 1976."""
    now = int(time.time() * 1000)
    return post(target, _table(range(7, (now - 6 * 365 * DAY) // DAY, 7)), CSV)


def years_in_order(target: Target) -> Assault:
    """CSV: ten years over two connections, day after day, for twelve seconds."""
    return _years(target, list(range(365 * YEARS, 2, -1)))


def years_in_any_order(target: Target) -> Assault:
    """CSV: ten years over two connections, each request with readings of days far apart, for twelve seconds."""
    days = list(range(3, 365 * YEARS))
    random.Random(1).shuffle(days)
    return _years(target, days)


def _years(target: Target, days: list[int]) -> Assault:
    """Send readings of these days ago in turn, a hundred a day."""
    a_body = A_BODY // 100
    bodies = [
        request("POST", "/readings", _table([day for day in days[first : first + a_body] for _ in range(100)]), CSV)
        for first in range(0, len(days), a_body)
    ]
    return lambda: together(2, lambda number: ask(target, bodies[number % len(bodies)]))


def _table(days: "range | list[int]") -> bytes:
    """A reading for each of these days ago, each at a minute of its own."""
    now = int(time.time() * 1000)
    rows = (f"{now - day * DAY - number % 1000 * 60_000},past,40,38\n" for number, day in enumerate(days))
    return ("ts,series,plan,fact\n" + "".join(rows)).encode()


ATTACKS = (thousands_of_days, thousands_of_weeks, years_in_order, years_in_any_order)
