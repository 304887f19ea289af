"""How much the service takes, and by how many processes."""

from datetime import timedelta

from pydantic import BaseModel, Field, ValidationInfo, field_validator

from service.quantities import Duration, Size

MOST_BYTES = 2**40
"""More than any machine has for one process, and less than what numbers of the database and the kernel hold."""


class LimitSettings(BaseModel):
    """The most that clients may send and hold, and what the service may use."""

    max_body_bytes: Size = Field(
        16 * 2**20, ge=1024, le=MOST_BYTES, description="Largest body of a request, after decompression."
    )
    max_frame_bytes: Size = Field(
        2**20, ge=1024, le=MOST_BYTES, description="Largest WebSocket frame; a larger one closes 1009."
    )
    queue_readings: int = Field(
        200_000,
        ge=1,
        le=100_000_000,
        description="Most readings in a batch (embedded engine: 100,000 at most), and waiting to be written (of past "
        "days, and of days ahead, half as many more); beyond, sockets pause and requests get 503.",
    )
    queue_bytes: Size = Field(
        64 * 2**20,
        ge=1024,
        le=MOST_BYTES,
        description="The most memory that readings waiting to be written may take, and of past days, and of days "
        "ahead, half as much more.",
    )
    max_series: int = Field(
        100_000, ge=1, le=100_000_000, description="Most series; readings of further ones are refused with 422."
    )
    memory_limit: Size = Field(
        256 * 2**20,
        le=MOST_BYTES,
        validate_default=True,
        description="The most memory for all that is held for clients: what they send, what waits (`QUEUE_BYTES`), "
        "what they don't read.",
    )
    max_connections: int = Field(
        10_000, ge=1, le=1_000_000, description="Most connections; an address may have as many as are left for others."
    )
    ingest_rate: float = Field(
        0, ge=0, allow_inf_nan=False, description="Readings a second that one address may send; 0 is no limit."
    )
    workers: int = Field(
        1,
        ge=1,
        le=16,
        description="Processes that take readings and answer requests, on one port, each within these limits by "
        "itself; more than 1 need `DATABASE_URL`.",
    )
    render_workers: int = Field(1, ge=1, le=16, description="Processes that draw charts, for each of `WORKERS`.")
    shutdown_grace: Duration = Field(
        timedelta(seconds=10),
        le=timedelta(days=1),
        description="Time to commit and acknowledge what was accepted when told to stop; at most a day.",
    )

    @field_validator("memory_limit")
    @classmethod
    def _enough_memory(cls, value: int, info: ValidationInfo) -> int:
        queue = info.data.get("queue_bytes", 0)
        largest = max(info.data.get(name, 0) for name in ("max_body_bytes", "max_frame_bytes"))
        if value < (least := queue + 2 * largest):
            raise ValueError(
                f"{value} isn't enough; write at least {least}, "
                "which is QUEUE_BYTES and twice the larger of MAX_BODY_BYTES and MAX_FRAME_BYTES"
            )
        return value
