"""Attacks are made by a process of their own, beside others whose waits are measured."""

import os
from urllib.parse import urlsplit

import pytest

from siege.arsenal import ATTACKS
from siege.run import Fort, siege
from siege.target import Target, describe
from tests.harness import Running

pytestmark = pytest.mark.anyio


def test_every_attack_says_what_it_does() -> None:
    assert all(describe(attack).endswith(".") for attack in ATTACKS.values())


async def test_an_attack_is_answered_while_others_are_watched(shared: Running) -> None:
    place = urlsplit(shared.url)
    fort = Fort(Target(str(place.hostname), place.port or 0, 0), os.getpid())
    (outcome,) = [each async for each in siege(["accept"], fort)]
    assert outcome.answer == "431"
    assert all(0 < wait < 60 for wait in outcome.seen.waits.values()), outcome
    assert (outcome.seen.failures, outcome.seen.most > 0) == (0, True)
