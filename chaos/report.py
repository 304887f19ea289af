"""Prints the result of a run as a table."""

from collections import Counter
from collections.abc import Sequence

from chaos.failover import Failovers
from chaos.history import History
from chaos.processes import Service
from chaos.run import Result
from chaos.verify import Checked


def show(result: Result) -> None:
    """What came of a run against one service."""
    print("\n| fault | times | longest until ready again |\n|---|---|---|")
    for name, seconds in sorted(result.nemesis.done.items()):
        print(f"| {name} | {len(seconds)} | {max(seconds):.1f} s |")
    _show_rest(result.history, [result.service], result.checked)


def show_failovers(result: Failovers) -> None:
    """What came of a run on a cluster."""
    print("\n| fault | times | longest without an acknowledgement | an answer | a primary |\n|---|---|---|---|---|")
    for name, seconds in sorted(result.silences.items()):
        longest = " | ".join(f"{max(each):.1f} s" for each in zip(*seconds, strict=True))
        print(f"| {name} | {len(seconds)} | {longest} |")
    print("\n| reads, by who answered, or why no standby could | |\n|---|---|")
    reads: Counter[str] = sum((one.reads for one in result.replicas), Counter())
    for name, count in reads.most_common():
        print(f"| {name} | {count:,} |")
    _show_rest(result.history, [one.service for one in result.replicas], result.checked)


def _show_rest(history: History, services: Sequence[Service], checked: Checked | None) -> None:
    print("\n| | |\n|---|---|")
    for name, count in sorted(history.tally.items()):
        print(f"| {name} | {count:,} |")
    if checked is not None:
        print(f"| stored readings of the producers | {checked.stored:,} |")
        print(f"| stored readings of the emitter | {checked.emitted:,} |")
        print(f"| buckets compared | {checked.buckets:,} |")
    print(f"| memory of a service at most | {max(one.peak for one in services) / 2**20:.0f} MiB |")
    print(f"| violations | {len(history.violations)} |")
    for violation in history.violations[:50]:
        print(f"\nVIOLATION: {violation}")
