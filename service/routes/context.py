"""What every route is given: the parts of the service, and the few settings that answers depend on."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import jinja2

from service.assets import Assets
from service.charts import Charts
from service.feed import Feed
from service.job_watch import JobWatch
from service.live import Look, View
from service.metrics import Metrics
from service.rates import Rates
from service.readings import Rules
from service.routes.inbox import Allowance
from service.store import Store
from service.writer import Writer


class Stoppable(Protocol):
    """An open connection that can be told to finish."""

    async def stop(self) -> None: ...


@dataclass(frozen=True)
class Context:
    """The parts of one running service."""

    store: Store
    writer: Writer
    charts: Charts
    metrics: Metrics
    rates: Rates
    rules: Rules
    zone: str
    time_format: str
    per_page: int
    max_body: int
    max_frame: int
    ahead: Allowance
    templates: jinja2.Environment
    assets: Assets
    feed: Feed[View, Look]
    watch: JobWatch
    engine_state: Callable[[], dict[str, Any]]
    sockets: set[Stoppable] = field(default_factory=set)
    thread: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while a large body is parsed beside the event loop: of several at once none would be done sooner."""
    brush: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while the picture of an error is drawn, for the same reason."""
