"""Prints the result of a run as a table."""

from chaos.run import Result


def show(result: Result) -> None:
    history, checked = result.history, result.checked
    print("\n| fault | times | longest until ready again |\n|---|---|---|")
    for name, seconds in sorted(result.nemesis.done.items()):
        print(f"| {name} | {len(seconds)} | {max(seconds):.1f} s |")
    print("\n| | |\n|---|---|")
    for name, count in sorted(history.tally.items()):
        print(f"| {name} | {count:,} |")
    print(f"| stored readings of the producers | {checked.stored:,} |")
    print(f"| stored readings of the emitter | {checked.emitted:,} |")
    print(f"| buckets compared | {checked.buckets:,} |")
    print(f"| memory of the service at most | {result.service.peak / 2**20:.0f} MiB |")
    print(f"| violations | {len(history.violations)} |")
    for violation in history.violations[:50]:
        print(f"\nVIOLATION: {violation}")
