"""Reading the answers of the service."""

import pytest

from emitter.producer.answers import Duplicate, Refused, Written, read_answer


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        ('{"ack":"x","written":2}', Written("x", 2)),
        ('{"ack":"x","duplicate":true}', Duplicate("x")),
        ('{"hello":1}', None),
        ("[]", None),
        ("nonsense", None),
    ],
)
def test_answers_are_told_apart(message: str, answer: object) -> None:
    assert read_answer(message) == answer


def test_a_refusal_says_what_and_where() -> None:
    answer = read_answer(
        '{"error":{"type":"about:blank","title":"Bad","status":422,"detail":"1 reading was refused.",'
        '"errors":[{"index":3,"field":"fact","detail":"must be a finite number"}]},"id":null}'
    )
    assert isinstance(answer, Refused)
    assert answer.id is None
    assert str(answer.problem) == "422: 1 reading was refused (reading 4 fact: must be a finite number)"
