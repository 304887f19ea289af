"""A run on a cluster, with several services that read from its standbys: each fault in turn under load, then the
checks. After each, all services as they run have to acknowledge and to answer again in time."""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from chaos.cluster_faults import ClusterFaults
from chaos.copies import compare, position
from chaos.corrector import Corrector
from chaos.freshness import READERS, Freshness
from chaos.history import History
from chaos.patroni import Cluster
from chaos.processes import Service
from chaos.producers import HttpProducer, Producer, SocketProducer
from chaos.replicas import Replica, ReplicaFaults
from chaos.run import Plan, check_service, drain, emitter_for, settle
from chaos.service_process import free_port
from chaos.silence import Silence
from chaos.verify import Checked, check
from chaos.workload import Workload

SERVICES = 2
LIMIT, AFTER = 30.0, 10.0
"""The most seconds without any acknowledgement, or any answer, that a fault may cause at a service; and how many that
may go on for once there is a primary again, where there was none for long."""
LOOK_EVERY = 0.5
"""Seconds between two looks whether there is a primary."""
BEFORE = 5.0
"""Seconds of load before each fault."""

Say = Callable[[str], None]


@dataclass
class Failovers:
    """What came of the faults: for each time that one happened, the longest time in which one of the services
    acknowledged nothing, in which one answered nothing, and in which there was no primary."""

    history: History
    replicas: list[Replica]
    primaryless: Silence = field(default_factory=Silence)
    silences: dict[str, list[tuple[float, float, float]]] = field(default_factory=lambda: defaultdict(list))
    checked: Checked | None = None


async def fail_over(plan: Plan, cluster: Cluster, rounds: int, folder: Path, say: Say) -> Failovers:
    """Do everything from start to verdict. Violations are recorded in the history."""
    history, spool = History(), folder / "emitter.sqlite"
    services = [
        Service(free_port(), 0, cluster.environment, folder / f"service-{number}.log", history)
        for number in range(1, SERVICES + 1)
    ]
    result = Failovers(history, [Replica(one) for one in services])
    emitter = emitter_for(int(services[0].url.rpartition(":")[2]), spool, folder / "emitter.log")
    corrector = Corrector(history, random.Random(plan.seed))
    async with cluster.running(folder):
        say("the cluster is whole")
        try:
            for one in services:
                await one.start()
                await one.ready()
            await emitter.start()
            await _suffer_all(plan, result, cluster, corrector, rounds, say)
            await drain(emitter, spool, history)
            for one in services:
                await one.stop()
        finally:
            for program in (emitter, *services):
                if program.status is None and program.process is not None:
                    await program.kill()
        say("quiet: comparing what is stored with what was sent, and the servers with each other")
        async with cluster.look() as con:
            result.checked = await check(con, history, spool)
            await corrector.check(con)
        await compare(cluster, history)
    for one in services:
        check_service(one, plan, history)
    return result


async def _suffer_all(
    plan: Plan, result: Failovers, cluster: Cluster, corrector: Corrector, rounds: int, say: Say
) -> None:
    """All faults in random order, so many times and for as long as planned, while everybody writes and reads; then
    until everything is acknowledged."""
    history, replicas, rng = result.history, result.replicas, random.Random(plan.seed)
    urls = [one.service.url for one in replicas]
    workload, pause = Workload(rng, history), 6 / plan.rate
    sockets = [SocketProducer(workload, history, rng, pause) for _ in range(3)]
    posters = [HttpProducer(workload, history, rng, pause) for _ in range(3)]
    producers: list[Producer] = [*sockets, *posters]
    freshness = Freshness(history, rng)
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(one.run(_in_turn(urls, at).replace("http", "ws", 1) + "/"))
            for at, one in enumerate(sockets)
        ]
        tasks += [group.create_task(one.run(_in_turn(urls, at + 1))) for at, one in enumerate(posters)]
        tasks.append(group.create_task(corrector.run(*urls)))
        tasks.append(group.create_task(_watch_primary(cluster, result.primaryless)))
        writers = [group.create_task(freshness.write(replicas, number)) for number in range(len(replicas))]
        for one in replicas:
            tasks.append(group.create_task(one.watch()))
            tasks += [group.create_task(freshness.read(one)) for _ in range(READERS)]
        faults = {**ClusterFaults(cluster, rng).all(), **ReplicaFaults(replicas, rng).all()}
        until, done = time.monotonic() + plan.seconds, 0
        while done < rounds * len(faults) or time.monotonic() < until:
            if done % len(faults) == 0:
                todo = rng.sample(list(faults), len(faults))
            name = todo.pop()
            await _suffer(result, cluster, name, faults[name], say)
            done += 1
        for producer in producers:
            producer.stopping = True
        corrector.stopping = freshness.stopping = True
        await settle(history, corrector)
        await asyncio.wait(writers, timeout=LIMIT)
        if any(not one.done() for one in writers):
            history.violate("a reading that is watched was never acknowledged")
        for one in replicas:
            await one.count_reads()
        for task in (*tasks, *writers):
            task.cancel()


async def _watch_primary(cluster: Cluster, primaryless: Silence) -> None:
    while True:
        if await cluster.has_primary():
            primaryless.end()
        await asyncio.sleep(LOOK_EVERY)


def _in_turn(urls: list[str], number: int) -> str:
    return urls[number % len(urls)]


async def _suffer(
    result: Failovers, cluster: Cluster, name: str, fault: Callable[[], Awaitable[None]], say: Say
) -> None:
    """One fault, up to the moment at which the cluster is whole again, and all services acknowledge and answer."""
    history, replicas = result.history, result.replicas
    await asyncio.sleep(BEFORE)
    before = await cluster.primary()
    silences = [silence for one in replicas for silence in one.silences]
    for silence in (*silences, result.primaryless):
        silence.begin()
    await fault()
    try:
        took = await cluster.whole()
    except TimeoutError:
        history.violate(f"{name}: the cluster isn't whole again")
        return
    await asyncio.sleep(1)
    until = time.monotonic() + LIMIT
    while max(silence.now for silence in silences) > 1.5 and time.monotonic() < until:  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    unwritten = max(one.acknowledging.longest for one in replicas)
    unread = max(one.answering.longest for one in replicas)
    without = result.primaryless.longest
    result.silences[name].append((unwritten, unread, without))
    after = await cluster.primary()
    timeline = (await position(cluster, after)).timeline.lstrip("0")
    say(
        f"{name}: {before} -> {after}, timeline {timeline}; no acknowledgement for {unwritten:.1f} s, no answer for "
        f"{unread:.1f} s, no primary for {without:.1f} s; whole again after {took:.0f} s more"
    )
    for what, longest in (("acknowledgement", unwritten), ("answer", unread)):
        if longest > max(LIMIT, without + AFTER):
            history.violate(f"{name}: no {what} for {longest:.1f} s, and no primary for {without:.1f} s")
