"""What every route is given: the parts of the service, and the few settings that answers depend on."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import jinja2

from service.charts.answering import Charts
from service.intake.rates import Rates
from service.intake.reading import Rules
from service.intake.writer import Writer
from service.live.feed import Feed
from service.live.view import View, ViewSnapshot
from service.metrics import Metrics
from service.routes.frame_inbox import Allowance
from service.store import Store
from service.upkeep.job_watch import JobWatch
from service.web.assets import Assets


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
    feed: Feed[View, ViewSnapshot]
    watch: JobWatch
    engine_state: Callable[[], dict[str, Any]]
    sockets: set[Stoppable] = field(default_factory=set)
    thread: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while a large body is parsed beside the event loop: of several at once none would be done sooner."""
    brush: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held while the picture of an error is drawn, for the same reason."""
