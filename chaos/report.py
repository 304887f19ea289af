"""Prints the result of a run as a table."""

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
    _show_rest(result.history, result.service, result.checked)


def show_failovers(result: Failovers) -> None:
    """What came of a run on a cluster."""
    print("\n| fault | times | longest without an acknowledgement |\n|---|---|---|")
    for name, seconds in sorted(result.silences.items()):
        print(f"| {name} | {len(seconds)} | {max(seconds):.1f} s |")
    _show_rest(result.history, result.service, result.checked)


def _show_rest(history: History, service: Service, checked: Checked | None) -> None:
    print("\n| | |\n|---|---|")
    for name, count in sorted(history.tally.items()):
        print(f"| {name} | {count:,} |")
    if checked is not None:
        print(f"| stored readings of the producers | {checked.stored:,} |")
        print(f"| stored readings of the emitter | {checked.emitted:,} |")
        print(f"| buckets compared | {checked.buckets:,} |")
    print(f"| memory of the service at most | {service.peak / 2**20:.0f} MiB |")
    print(f"| violations | {len(history.violations)} |")
    for violation in history.violations[:50]:
        print(f"\nVIOLATION: {violation}")
