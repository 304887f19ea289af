"""One run: load and faults, then load without faults until everything is answered, then the checks."""

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from chaos.corrector import Corrector
from chaos.databases import Database
from chaos.history import History
from chaos.nemesis import Nemesis
from chaos.processes import Program, Service
from chaos.producers import HttpProducer, Producer, SocketProducer, StreamProducer
from chaos.proxy import proxy
from chaos.service_process import free_port
from chaos.verify import Checked, check, check_rollups, spooled
from chaos.workload import Workload
from service.errors import TaktlineError

SETTLE_LIMIT = 120.0
"""Seconds after the last fault within which every batch must be answered."""
LOOK_EVERY = 20.0
"""Seconds between two checks of the rollups, where the database can be read while the service runs."""


@dataclass(frozen=True)
class Plan:
    """The parameters of a run."""

    seconds: float
    seed: int
    rate: float
    """Batches per second."""
    memory: int
    """Bytes of memory that the service may use."""


@dataclass
class Result:
    """The result of a run."""

    history: History
    nemesis: Nemesis
    service: Service
    checked: Checked


async def run(plan: Plan, database: Database, folder: Path, say: Callable[[str], None]) -> Result:
    """Do everything from start to verdict. Violations are recorded in the history."""
    history, port, tcp_port = History(), free_port(), free_port()
    spool = folder / "emitter.sqlite"
    service = Service(port, tcp_port, database.environment, folder / "service.log", history)
    async with proxy("127.0.0.1", port) as between, proxy("127.0.0.1", tcp_port) as between_tcp:
        emitter = emitter_for(between.port, spool, folder / "emitter.log")
        nemesis = Nemesis(service, emitter, [between, between_tcp], database, history, plan.seed)
        corrector = Corrector(history, random.Random(plan.seed))
        nemesis.pace = min(3.0, max(0.3, plan.seconds / 60))
        await service.start()
        try:
            await service.ready()
            await emitter.start()
            say("at work")
            ports = between.port, between_tcp.port
            await _storm(plan, history, service, nemesis, database, ports, emitter, spool, corrector)
            say("quiet: comparing what is stored with what was sent")
            await service.stop()
        finally:
            for program in (emitter, service):
                if program.status is None and program.process is not None:
                    await program.kill()
    async with database.look() as con:
        checked = await check(con, history, spool)
        await corrector.check(con)
    check_service(service, plan, history)
    return Result(history, nemesis, service, checked)


def emitter_for(port: int, spool: Path, log: Path) -> Program:
    """An emitter that sends to this port."""
    command = ["emitter", "run", "--interval", "0.25s", "--series", "emitter", "--spool", str(spool)]
    return Program("emitter", command, {"EMITTER_URL": f"ws://127.0.0.1:{port}/"}, log)


async def _storm(
    plan: Plan,
    history: History,
    service: Service,
    nemesis: Nemesis,
    database: Database,
    ports: tuple[int, int],
    emitter: Program,
    spool: Path,
    corrector: Corrector,
) -> None:
    """Run load and faults for the planned time, then load without faults until everything is answered."""
    rng, (port, tcp_port) = random.Random(plan.seed), ports
    workload = Workload(rng, history)
    pause = 7 / plan.rate
    sockets = [SocketProducer(workload, history, rng, pause) for _ in range(3)]
    posters = [HttpProducer(workload, history, rng, pause) for _ in range(3)]
    streamer = StreamProducer(workload, history, rng, pause)
    producers: list[Producer] = [*sockets, *posters, streamer]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one.run(f"ws://127.0.0.1:{port}/")) for one in sockets]
        tasks += [group.create_task(one.run(f"http://127.0.0.1:{port}")) for one in posters]
        tasks.append(group.create_task(streamer.run("127.0.0.1", tcp_port)))
        tasks.append(group.create_task(corrector.run(f"http://127.0.0.1:{port}")))
        tasks.append(group.create_task(watch(service)))
        tasks.append(group.create_task(_look(database, history)))
        raging = group.create_task(nemesis.run())
        await asyncio.sleep(plan.seconds)
        raging.cancel()
        await asyncio.wait([raging])
        for one in producers:
            one.stopping = True
        corrector.stopping = True
        await service.ready()
        await settle(history, corrector)
        await drain(emitter, spool, history)
        for task in tasks:
            task.cancel()


async def settle(history: History, corrector: Corrector | None = None) -> None:
    """Wait until every batch, and every correction, has been answered."""
    limit = time.monotonic() + SETTLE_LIMIT
    while (history.again or history.unsettled() or _busy(corrector)) and time.monotonic() < limit:  # noqa: ASYNC110
        await asyncio.sleep(0.2)
    if _busy(corrector):
        history.violate("a correction was never acknowledged")
    await asyncio.sleep(1)  # for late answers to batches that were sent twice


def _busy(corrector: Corrector | None) -> bool:
    return corrector is not None and corrector.busy


async def drain(emitter: Program, spool: Path, history: History) -> None:
    """Stop the emitter once it has caught up, as a person would."""
    if emitter.status is not None:
        history.violate(f"the emitter ended with status {emitter.status}")
        return
    limit = time.monotonic() + SETTLE_LIMIT
    while spooled(spool)[1] > 3 and time.monotonic() < limit:  # noqa: ASYNC110
        await asyncio.sleep(0.2)
    if (status := await emitter.terminate(10)) != 0:
        history.violate(f"the emitter was told to stop: exit status {status}")


async def watch(service: Service) -> None:
    """Measure the memory of the service, until cancelled."""
    while True:
        service.measure()
        await asyncio.sleep(0.5)


async def _look(database: Database, history: History) -> None:
    """Check the rollups, which have to be exact at any moment."""
    while database.live:
        await asyncio.sleep(LOOK_EVERY)
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TaktlineError):
            async with database.look() as con:
                await check_rollups(con, history)


def check_service(service: Service, plan: Plan, history: History) -> None:
    """Check what the service took, and what it has logged."""
    if service.peak > plan.memory:
        history.violate(f"the service used {service.peak / 2**20:.0f} MiB, more than {plan.memory / 2**20:.0f}")
    told = service.log.read_text(errors="replace")
    if (at := told.find("Traceback")) >= 0:
        history.violate(f"there is a traceback in the service's log:\n{told[max(0, at - 500) : at + 3000]}")
