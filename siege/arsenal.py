"""All attacks by name."""

from siege.attacks import bodies, headers, lines, sockets
from siege.target import name_of

ATTACKS = {name_of(attack): attack for attack in (*lines.ATTACKS, *bodies.ATTACKS, *sockets.ATTACKS, *headers.ATTACKS)}
