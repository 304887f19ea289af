"""The settings of the emitter, from the environment or from `.env` in the working directory."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Self

import platformdirs
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from emitter.errors import BadSettings
from emitter.producer import BadToken
from emitter.producer.link import usable_token, websocket_url
from emitter.quantities import Duration, Level, Size, faults
from emitter.secret_files import SecretFile, only_one

ENV_FILE = ".env"
_NO_HOST = re.compile(r"[\s/?#@\[\]\\]")
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104


class EmitterSettings(BaseSettings):
    """The emitter's settings. The table in the README has the same names, defaults and descriptions."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE, env_file_encoding="utf-8", env_ignore_empty=True, extra="ignore", frozen=True
    )

    emitter_url: str | None = Field(
        None,
        description="Where readings are sent: `ws://…` or `wss://…`; by default to `API_HOST` and `API_PORT`.",
    )
    api_host: str = Field(
        "0.0.0.0",  # noqa: S104
        description="Host of the service where `EMITTER_URL` isn't set; `0.0.0.0` is this machine.",
    )
    api_port: int = Field(8080, ge=0, le=65535, description="Port of the service where `EMITTER_URL` isn't set.")
    emitter_token: SecretStr | None = Field(
        None, description="Sent as `Authorization: Bearer …` when connecting, if set."
    )
    emitter_token_file: SecretFile = Field(None, description="File with `EMITTER_TOKEN`, instead of that.")
    emitter_interval: Duration = Field(
        timedelta(seconds=10),
        gt=timedelta(),
        le=timedelta(days=1),
        description="Time between two readings of `emitter run`.",
    )
    emitter_series: str = Field(
        "default", min_length=1, max_length=200, description="The series that `emitter run` sends."
    )
    emitter_spool: Path = Field(
        default_factory=lambda: platformdirs.user_data_path("taktline") / "emitter.sqlite",
        description="File that keeps unacknowledged readings over restarts; by default in the user's data directory.",
    )
    emitter_spool_max_bytes: Size = Field(
        64 * 2**20,
        ge=64 * 1024,
        description="The most that the spool holds; beyond that, new readings are dropped, and counted.",
    )
    emitter_window: int = Field(
        8, ge=1, le=1000, description="Batches that may be sent before the first of them is acknowledged."
    )
    emitter_grace: Duration = Field(
        timedelta(seconds=2),
        ge=timedelta(),
        le=timedelta(minutes=10),
        description="Time to wait for acknowledgements when told to stop.",
    )
    log_level: Level = Field(
        "INFO", description="What is logged: this level and those above, of `DEBUG INFO WARNING ERROR CRITICAL`."
    )

    @field_validator("emitter_url")
    @classmethod
    def _usable_url(cls, value: str | None) -> str | None:
        return None if value is None else websocket_url(value)

    @field_validator("emitter_spool")
    @classmethod
    def _at_home(cls, value: Path) -> Path:
        try:
            return value.expanduser()
        except RuntimeError:
            raise ValueError(f"{str(value)!r} begins with the home directory of a user that there isn't") from None

    @property
    def token(self) -> str | None:
        """The token, without white space around it. Raises ValueError where it is given twice, or is none that can be
        sent."""
        token = only_one("EMITTER_TOKEN", self.emitter_token, self.emitter_token_file)
        try:
            return token and usable_token(token, "EMITTER_TOKEN_FILE" if self.emitter_token_file else "EMITTER_TOKEN")
        except BadToken as exc:
            raise ValueError(exc.detail) from None

    @model_validator(mode="after")
    def _one_token(self) -> Self:
        _ = self.token
        return self

    @property
    def url(self) -> str:
        """The service's address. Raises BadSettings where it can't be determined."""
        if self.emitter_url:
            return self.emitter_url
        if not self.api_port:
            raise BadSettings(
                "API_PORT is 0, so the service has taken any free port: give its address with EMITTER_URL or --url."
            )
        host = _ANY_ADDRESS.get(self.api_host, self.api_host)
        wrong = BadSettings(
            f"API_HOST: {self.api_host!r} isn't a host; write a name or an address like 192.0.2.1 or ::1"
        )
        if _NO_HOST.search(host):
            raise wrong
        try:
            return websocket_url(f"ws://{f'[{host}]' if ':' in host else host}:{self.api_port}/")
        except ValueError:
            raise wrong from None

    @classmethod
    def load(cls, **overrides: object) -> Self:
        """The settings of this process; overrides that are None are ignored. Raises BadSettings, which names every
        variable that is wrong, or the file that can't be read."""
        try:
            return cls(**{key: value for key, value in overrides.items() if value is not None})  # type: ignore[arg-type]
        except ValidationError as exc:
            raise BadSettings(faults(exc, cls)) from exc
        except UnicodeDecodeError as exc:  # of .env: secret files say so themselves
            line, byte = exc.object.count(b"\n", 0, exc.start) + 1, exc.object[exc.start]
            raise BadSettings(
                f"{_env_file()} isn't text in UTF-8: there is a byte 0x{byte:02x} in line {line}; save it as UTF-8"
            ) from exc
        except OSError as exc:
            raise BadSettings(f"{_env_file()} can't be read: {exc.strerror}") from exc


def _env_file() -> Path:
    return Path(ENV_FILE).absolute()
