"""A run on a cluster: each fault in turn under load, then the checks. After each, readings have to be acknowledged
again in time, by the service as it runs."""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from chaos.history import History
from chaos.patroni import Cluster
from chaos.processes import Service
from chaos.producers import HttpProducer, Producer, SocketProducer
from chaos.run import Plan, check_service, drain, emitter_for, settle, watch
from chaos.service_process import free_port
from chaos.verify import Checked, check
from chaos.workload import Workload

LIMIT = 30.0
"""The most seconds without any acknowledgement that a fault may cause."""
BEFORE = 5.0
"""Seconds of load before each fault."""


@dataclass
class Failovers:
    """What came of the faults: the longest time without an acknowledgement, for each time a fault happened."""

    history: History
    service: Service
    silences: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    checked: Checked | None = None


async def fail_over(plan: Plan, cluster: Cluster, rounds: int, folder: Path, say: Callable[[str], None]) -> Failovers:
    """Do everything from start to verdict. Violations are recorded in the history."""
    history, port = History(), free_port()
    service = Service(port, 0, cluster.environment, folder / "service.log", history)
    emitter, spool = emitter_for(port, folder / "emitter.sqlite", folder / "emitter.log"), folder / "emitter.sqlite"
    result = Failovers(history, service)
    async with cluster.running(folder):
        say("the cluster is whole")
        await service.start()
        try:
            await service.ready()
            await emitter.start()
            rng = random.Random(plan.seed)
            workload, pause = Workload(rng, history), 6 / plan.rate
            sockets = [SocketProducer(workload, history, rng, pause) for _ in range(3)]
            posters = [HttpProducer(workload, history, rng, pause) for _ in range(3)]
            producers: list[Producer] = [*sockets, *posters]
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one.run(f"ws://127.0.0.1:{port}/")) for one in sockets]
                tasks += [group.create_task(one.run(f"http://127.0.0.1:{port}")) for one in posters]
                tasks.append(group.create_task(watch(service)))
                for _ in range(rounds):
                    faults = list(cluster.faults().items())
                    rng.shuffle(faults)
                    for name, fault in faults:
                        await _suffer(result, cluster, name, fault, say)
                for one in producers:
                    one.stopping = True
                await settle(history)
                await drain(emitter, spool, history)
                for task in tasks:
                    task.cancel()
            await service.stop()
        finally:
            for program in (emitter, service):
                if program.status is None and program.process is not None:
                    await program.kill()
        async with cluster.look() as con:
            result.checked = await check(con, history, spool)
    check_service(service, plan, history)
    return result


async def _suffer(
    result: Failovers, cluster: Cluster, name: str, fault: Callable[[], object], say: Callable[[str], None]
) -> None:
    """One fault, up to the moment at which the cluster is whole again and readings are acknowledged."""
    history = result.history
    await asyncio.sleep(BEFORE)
    before = await cluster.primary()
    history.silence.begin()
    await fault()  # type: ignore[misc]
    try:
        took = await cluster.whole()
    except TimeoutError:
        history.violate(f"{name}: the cluster isn't whole again")
        return
    await asyncio.sleep(1)
    until = time.monotonic() + LIMIT
    while history.silence.now > 1 and time.monotonic() < until:  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    longest = history.silence.longest
    result.silences[name].append(longest)
    after = await cluster.primary()
    say(f"{name}: {before} -> {after}; no acknowledgement for {longest:.1f} s; whole again after {took:.0f} s more")
    if longest > LIMIT:
        history.violate(f"{name}: no acknowledgement for {longest:.1f} s, more than {LIMIT:.0f}")
