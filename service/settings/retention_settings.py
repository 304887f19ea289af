"""Which times are kept: of readings as they come, and for how long."""

from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, Field, ValidationInfo, field_validator

from service.period.lifetimes import ORDER, Lifetimes, check_columnstore, check_lifetime, setting_of
from service.quantities import Duration


class RetentionSettings(BaseModel):
    """From when to when readings are taken, and how long they, their rollups and batch ids are kept."""

    min_ts: datetime = Field(datetime(1970, 1, 1, tzinfo=UTC), description="Readings before this are refused.")
    max_clock_skew: Duration = Field(
        timedelta(days=1),
        le=timedelta(days=3660),
        description="Readings with a fact that are later than now plus this are refused.",
    )
    max_plan_ahead: Duration = Field(
        timedelta(days=400),
        le=timedelta(days=3660),
        description="The same for readings without a fact, such as plans; at least `MAX_CLOCK_SKEW`.",
    )
    batch_memory: Duration = Field(
        timedelta(days=7),
        le=timedelta(days=36_500),
        description="How long a committed batch id is remembered, so that sending it again is harmless.",
    )
    retention_readings: Duration | None = Field(
        None,
        description="How long readings are kept, like `400d`, and at least 31 days; of older ones their rollups stay. "
        "By default for ever.",
    )
    retention_minute: Duration | None = Field(
        None,
        description="The same for minutes, at least as long as `RETENTION_READINGS`; charts of older times have longer "
        "steps.",
    )
    retention_quarter: Duration | None = Field(
        None, description="The same for quarters of an hour, at least as long as `RETENTION_MINUTE`."
    )
    retention_hour: Duration | None = Field(
        None, description="The same for hours, at least as long as `RETENTION_QUARTER`."
    )
    retention_day: Duration | None = Field(
        None, description="The same for days (UTC), at least as long as `RETENTION_HOUR`."
    )
    compress_after: Duration | None = Field(
        None,
        description="How long after its week a chunk of readings moves to the columnstore, like `30d`. By default as "
        "the database has it, which at first is `7d`.",
    )

    @field_validator("min_ts")
    @classmethod
    def _has_offset(cls, value: datetime) -> datetime:
        if value.tzinfo is None:
            raise ValueError(f"'{value.isoformat()}' has no offset; write it like 1970-01-01T00:00:00Z")
        return value

    @field_validator(*(setting_of(kept).lower() for kept in ORDER))
    @classmethod
    def _kept_long_enough(cls, value: timedelta | None, info: ValidationInfo) -> timedelta | None:
        if value is not None:
            earlier = {kept: info.data[name] for kept in ORDER if (name := setting_of(kept).lower()) in info.data}
            check_lifetime((info.field_name or "").removeprefix("retention_"), value, earlier)
        return value

    @field_validator("compress_after")
    @classmethod
    def _usable_columnstore(cls, value: timedelta | None, info: ValidationInfo) -> timedelta | None:
        if value is not None:
            check_columnstore(value, info.data.get("retention_readings"))
        return value

    @property
    def lifetimes(self) -> Lifetimes:
        """How long readings and their rollups are kept."""
        return Lifetimes(*(getattr(self, setting_of(kept).lower()) for kept in ORDER))
