"""What addresses leave open, as the settings have it."""

from service.period.shifts import Shifts
from service.routes.defaults import Defaults
from service.settings import Settings


def defaults_of(settings: Settings) -> Defaults:
    """The defaults of all pages and charts."""
    return Defaults(
        settings.chart_tz,
        settings.time_format,
        settings.items_per_page,
        settings.labels,
        settings.unit,
        Shifts.read(settings.shifts, settings.chart_tz),
        settings.language,
    )
