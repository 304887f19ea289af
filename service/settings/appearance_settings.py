"""How charts and pages look, and the clock that they go by."""

import tzlocal
from pydantic import BaseModel, Field, field_validator

from service.languages.language import languages
from service.period.shift_rules import read_shift_rules
from service.period.times import check_time_format, zone_named, zones


def _zone_of_this_machine() -> str:
    name = tzlocal.get_localzone_name()
    return name if name in zones() and name != "Etc/UTC" else "UTC"


class AppearanceSettings(BaseModel):
    """What charts and pages show where an address says nothing else."""

    items_per_page: int = Field(50, ge=1, le=1000, description="Records on a page of `/display`.")
    chart_tz: str = Field(
        default_factory=_zone_of_this_machine,
        description="Time zone of charts and pages, an IANA name; by default this machine's.",
    )
    shifts: str = Field(
        "",
        description="Shifts by the clock of `CHART_TZ`, like `early 06:00-14:00 break 10:00-10:15; night 22:00-06:00; "
        "days mon-fri`.",
    )
    time_format: str = Field(
        "%Y-%m-%d %H:%M",
        min_length=1,
        max_length=100,
        description="Labels of the time axis, as in `strftime`.",
    )
    language: str = Field(
        "",
        description="Language of pages, pictures and messages, like `de`, for everybody; by default that of each "
        "browser. A list like `de_DE:de`, which systems set for themselves, doesn't count.",
    )
    plan_label: str = Field(
        "", max_length=30, description="What plans are called in charts; by default plan, in the language of each."
    )
    fact_label: str = Field(
        "", max_length=30, description="What facts are called in charts; by default fact, in the language of each."
    )
    unit: str = Field("", max_length=30, description="What plan and fact count, like `pcs`, said in charts.")

    @field_validator("shifts")
    @classmethod
    def _known_shifts(cls, value: str) -> str:
        read_shift_rules(value)
        return value

    @field_validator("chart_tz")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        name = zone_named(value)
        if name is None:
            raise ValueError(f"{value!r} isn't an IANA time zone; write one like Europe/Berlin")
        return name

    @field_validator("language")
    @classmethod
    def _known_language(cls, value: str) -> str:
        if "_" in value or ":" in value:  # the variable of the same name that gettext reads, on many desktops
            return ""
        if value and value not in languages():
            raise ValueError(f"{value!r} isn't a language here; write one of {', '.join(languages())}")
        return value

    @field_validator("plan_label", "fact_label", "unit")
    @classmethod
    def _printable(cls, value: str) -> str:
        if not value.isprintable():
            raise ValueError("has characters that can't be printed")
        return value.strip()

    @field_validator("time_format")
    @classmethod
    def _usable_format(cls, value: str) -> str:
        return check_time_format(value)

    @property
    def labels(self) -> tuple[str, str]:
        """What plan and fact are called; empty where that is left to the language."""
        return self.plan_label, self.fact_label
