"""Readings and batches as they are sent."""

import json
from datetime import UTC, datetime

from emitter.producer.readings import Reading, encode, envelope

NOW = datetime(2026, 3, 18, 12, 0, 5, tzinfo=UTC)


def test_an_envelope_is_what_the_contract_says() -> None:
    reading = Reading(ts=NOW, series="a", plan=40, fact=38.5, attributes={"shift": "früh", "n": 1})
    batch = envelope('id "1"', [encode(reading), encode(Reading(ts=NOW, series="b"))])
    assert json.loads(batch.payload) == {
        "id": 'id "1"',
        "readings": [
            {"ts": "2026-03-18T12:00:05Z", "series": "a", "plan": 40, "fact": 38.5, "shift": "früh", "n": 1},
            {"ts": "2026-03-18T12:00:05Z", "series": "b"},
        ],
    }
    assert batch.readings == 2
