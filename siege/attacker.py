"""`python -m siege.attacker NAME HOST PORT TCP_PORT`: one attack, in a process of its own, so that it doesn't delay
those who measure. It says `ready`, waits for a line, attacks, and says how that was answered."""

import asyncio
import sys

from siege.arsenal import ATTACKS
from siege.target import Assault, Target


def main(name: str, host: str, port: str, tcp_port: str) -> None:
    """Prepare and attack."""
    assault = ATTACKS[name](Target(host, int(port), int(tcp_port)))
    print("ready", flush=True)
    sys.stdin.readline()
    print(asyncio.run(_run(assault)), flush=True)


async def _run(assault: Assault) -> str:
    return await assault()


if __name__ == "__main__":
    main(*sys.argv[1:])
