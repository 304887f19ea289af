"""What is logged."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field

from service.quantities import Level
from service.settings.small_letters import in_small_letters


class LogSettings(BaseModel):
    """What is logged, and how."""

    debug: bool = Field(False, description="Log at DEBUG and add the cause to answers with status 500.")
    log_level: Level = Field(
        "INFO", description="What is logged: this level and those above, of `DEBUG INFO WARNING ERROR CRITICAL`."
    )
    log_format: Annotated[Literal["console", "json"], BeforeValidator(in_small_letters)] = Field(
        "console", description="`console` for people, `json` for collectors."
    )
    access_log: bool = Field(
        False,
        description="A line in the log for each answer: method, address without secrets, status, time, bytes, client "
        "and request id.",
    )
