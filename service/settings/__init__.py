"""The settings of the service, from the environment or from `.env` in the working directory."""

from difflib import get_close_matches
from pathlib import Path
from typing import Self

from pydantic import ValidationError, model_validator
from pydantic_settings import BaseSettings, DotEnvSettingsSource, EnvSettingsSource, SettingsConfigDict

from service.alerts.rules import read_rules
from service.errors import StartError
from service.period.lifetimes import ORDER, setting_of
from service.period.shifts import Shifts
from service.quantities import faults
from service.settings.address_settings import AddressSettings
from service.settings.appearance_settings import AppearanceSettings
from service.settings.database_settings import DatabaseSettings
from service.settings.federation_settings import FederationSettings
from service.settings.limit_settings import LimitSettings
from service.settings.log_settings import LogSettings
from service.settings.retention_settings import RetentionSettings
from service.settings.watching_settings import WatchingSettings

ENV_FILE = ".env"


class Settings(
    LimitSettings,
    RetentionSettings,
    WatchingSettings,
    AppearanceSettings,
    FederationSettings,
    DatabaseSettings,
    AddressSettings,
    LogSettings,
    BaseSettings,
):
    """The service's settings. The table in the README has the same names, defaults and descriptions."""

    model_config = SettingsConfigDict(
        env_file=ENV_FILE, env_file_encoding="utf-8-sig", env_ignore_empty=True, extra="ignore", frozen=True
    )

    @model_validator(mode="after")
    def _usable_federation(self) -> Self:
        if self.read_key is None and self.federate and self.anonymous in ("none", "write"):
            raise ValueError(f"ANONYMOUS={self.anonymous} with FEDERATE needs FEDERATE_READ_KEY, or nobody could look")
        if not self.sites:
            return self
        of_database = ("database_url", "database_read_url", "database_password")
        given = {
            # as they are set, since the last two without the first would have it asked for
            **{name.upper(): getattr(self, name) for one in of_database for name in (one, f"{one}_file")},
            **{setting_of(kept): getattr(self.lifetimes, kept) for kept in ORDER},
            "COMPRESS_AFTER": self.compress_after,
            "WORKERS": self.workers > 1,
            "TCP_PORT": self.tcp_port,
            "ALERTS": self.alerts,
            "ALERT_URL": self.webhook,
            "METRICS_SERIES": self.metrics_series,
        }
        for name, value in given.items():
            if value:
                raise ValueError(
                    f"{name} can't be set together with FEDERATE: a view over several sites keeps nothing itself and "
                    "has one process; set it at the sites"
                )
        return self

    @model_validator(mode="after")
    def _usable_alerts(self) -> Self:
        _ = self.webhook_secret
        if self.webhook is None and self.alerts:
            raise ValueError("ALERTS is set without ALERT_URL, so that nobody would be told")
        try:
            read_rules(self.alerts, self.chart_tz, Shifts.read(self.shifts, self.chart_tz))
        except ValueError as exc:
            raise ValueError(f"ALERTS: {exc}") from None
        return self

    @model_validator(mode="after")
    def _usable_database(self) -> Self:
        _ = self.database, self.read_database
        if self.database is None and self.workers > 1:
            raise ValueError(
                f"WORKERS can't be {self.workers} without DATABASE_URL: the embedded engine does one transaction at a "
                "time, so that workers would only wait for each other"
            )
        return self

    @classmethod
    def load(cls, **overrides: object) -> Self:
        """The settings of this process. Raises StartError, which names every variable that is wrong, or the file that
        can't be read."""
        try:
            return cls(**overrides)  # type: ignore[arg-type]
        except ValidationError as exc:
            raise StartError(faults(exc, cls)) from exc
        except UnicodeDecodeError as exc:  # secret files are read elsewhere, and say so themselves
            line, byte = exc.object.count(b"\n", 0, exc.start) + 1, exc.object[exc.start]
            raise StartError(
                f"{_env_file()} isn't text in UTF-8: there is a byte 0x{byte:02x} in line {line}; save it as UTF-8"
            ) from exc
        except OSError as exc:
            if exc.filename is None or Path(exc.filename).name != ENV_FILE:
                raise
            raise StartError(f"{_env_file()} can't be read: {exc.strerror}") from exc


NEARLY = 0.87
"""How much alike a name and that of a setting are, at least, for a slip; GRAFANA_DATABASE_PASSWORD isn't one."""


def slips() -> dict[str, str]:
    """The names in the environment and in `.env` that are nearly those of settings, which would be passed over in
    silence, and which settings these are."""
    names = DotEnvSettingsSource(Settings).env_vars.keys() | EnvSettingsSource(Settings).env_vars.keys()
    found = {name: get_close_matches(name, Settings.model_fields, 1, NEARLY) for name in sorted(names)}
    return {name.upper(): near[0].upper() for name, near in found.items() if near and near[0] != name}


def env_file_is_folder() -> bool:
    """Whether `.env` is a folder, which would be passed over in silence. Docker makes one where the file that it is to
    mount is missing."""
    return Path(ENV_FILE).is_dir()


def _env_file() -> Path:
    return Path(ENV_FILE).absolute()
