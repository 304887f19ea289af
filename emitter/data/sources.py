"""The sources of live readings."""

import math
import random
import socket
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import psutil  # type: ignore[import-untyped,unused-ignore]

from emitter.producer.readings import Reading

TARGET_MEMORY = 600.0
"""The time constant in seconds with which the CPU's plan follows its use."""

_random = random.SystemRandom()


class Source(Protocol):
    """A source that can be read again and again."""

    def read(self, now: datetime, series: Sequence[str]) -> list[Reading]:
        """A reading for each of the series; no readings where there is nothing to measure yet."""


class RandomSource:
    """A random plan, and a random fact near it."""

    def read(self, now: datetime, series: Sequence[str]) -> list[Reading]:
        """A different pair for each of the series."""
        return [self._pair(now, name) for name in series]

    def _pair(self, now: datetime, name: str) -> Reading:
        plan = _random.randint(30, 50)
        return Reading(ts=now, series=name, plan=plan, fact=plan + _random.randint(-12, 5))


class CpuSource:
    """The CPU use of this machine in percent: the fact since the last reading, and a slow moving average as the
    plan."""

    def __init__(self, interval: float) -> None:
        self._share = 1 - math.exp(-interval / TARGET_MEMORY)
        self._target: float | None = None
        self._started = False
        self._attributes = {"source": "cpu", "host": socket.gethostname()}

    def read(self, now: datetime, series: Sequence[str]) -> list[Reading]:
        """The same pair for each of the series; the first call only starts the measurement."""
        used = psutil.cpu_percent(interval=None)
        if not self._started:
            self._started = True
            return []
        plan = used if self._target is None else self._target
        self._target = plan + self._share * (used - plan)
        return [
            Reading(ts=now, series=name, plan=round(plan, 1), fact=round(used, 1), attributes=self._attributes)
            for name in series
        ]
