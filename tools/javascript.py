"""Formats, lints and type-checks the scripts: `python -m tools.javascript CACHE [--fix]`, with the Node of the wheel.

The tools are npm packages; package-lock.json beside this file pins them, CACHE is where they're kept.
"""

import asyncio
import subprocess
import sys
from pathlib import Path

from service.engine.packages import Packages, install, node
from service.errors import EngineError

HERE = Path(__file__).parent
ROOT = HERE.parent
TOOLS = Packages("tools", "the tools for the scripts", HERE)
PROGRAMS = ("engine", "web")
"""What runs in Node and what runs in a browser: each has globals of its own, in a tsconfig of its own."""


def main() -> int:
    """Exits with 1 where something is at fault, which the tools have then written."""
    cache, *options = sys.argv[1:]
    try:
        modules = asyncio.run(install(Path(cache), _say, TOOLS)) / "node_modules"
    except EngineError as exc:
        _say(str(exc))
        return 1
    biome = (modules / "@biomejs/biome/bin/biome", "check", "--error-on-warnings", f"--config-path={HERE}")
    tsc = (modules / "typescript/bin/tsc", "--typeRoots", modules / "@types", "--project")
    fix = ("--write",) if "--fix" in options else ()
    commands: list[tuple[str | Path, ...]] = [
        (*biome, *fix, *(f"service/{program}" for program in PROGRAMS)),
        *((*tsc, HERE / f"tsconfig.{program}.json") for program in PROGRAMS),
    ]
    ended = [subprocess.run((node(), *command), cwd=ROOT, check=False) for command in commands]
    return int(any(done.returncode for done in ended))


def _say(line: str) -> None:
    print(line, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
