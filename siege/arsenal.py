"""All attacks by name."""

from siege.attacks import bodies, days, greed, headers, hoards, lines, sockets
from siege.target import name_of

_ALL = (lines, bodies, sockets, headers, greed, hoards, days)
ATTACKS = {name_of(attack): attack for room in _ALL for attack in room.ATTACKS}
