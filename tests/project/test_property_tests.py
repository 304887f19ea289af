"""Property tests try other examples in each run, and say how to repeat a failure."""

import os
from pathlib import Path

from hypothesis import settings

TESTS = Path(__file__).parents[1]


def test_examples_are_random_outside_of_ci_and_a_failure_can_be_repeated() -> None:
    assert settings().derandomize == bool(os.environ.get("CI"))
    assert settings().print_blob


def test_no_test_settles_on_the_same_examples_for_ever() -> None:
    fixed = "derandomize=" + str(True)
    assert [path for path in TESTS.rglob("*.py") if fixed in path.read_text(encoding="utf-8")] == []
