"""How many examples the property tests try; `--hypothesis-profile` names another profile."""

from hypothesis import HealthCheck, settings

_SUPPRESSED = (HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large)


def register_profiles() -> None:
    """`quick`, the default, and `ci`, with three times as many examples: random ones, so that each run looks elsewhere.

    A failure prints how to repeat it, and is tried first in the next run on the same machine.
    """
    for name, count in (("quick", 100), ("ci", 300)):
        settings.register_profile(
            name,
            max_examples=count,
            deadline=None,
            derandomize=False,
            print_blob=True,
            suppress_health_check=_SUPPRESSED,
        )
    settings.load_profile("quick")


def examples(share: float) -> settings:
    """Fewer examples than the profile says, or more: for a test that costs more, or less, than most."""
    profile = settings.get_profile(settings.get_current_profile_name())
    return settings(max_examples=max(1, round(share * profile.max_examples)))
