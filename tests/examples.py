"""How many examples property tests try. `--hypothesis-profile` chooses another profile."""

import os

from hypothesis import HealthCheck, settings

_SUPPRESSED = (HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large)


def register_profiles() -> None:
    """Register the profiles `quick`, the default, and `ci`, with three times as many examples.

    Examples are random, so that each run tries others; a failure prints how to repeat it, and the next run on the same
    machine tries it first. With CI set, they are the same in every run, so that a change is judged by what it changed.
    """
    for name, count in (("quick", 100), ("ci", 300)):
        settings.register_profile(
            name,
            max_examples=count,
            deadline=None,
            derandomize=bool(os.environ.get("CI")),
            print_blob=True,
            suppress_health_check=_SUPPRESSED,
        )
    settings.load_profile("quick")


def examples(share: float) -> settings:
    """The share of the profile's number of examples, for a test that is slower or faster than most."""
    profile = settings.get_profile(settings.get_current_profile_name())
    return settings(max_examples=max(1, round(share * profile.max_examples)))
