"""The settings of the service, from the environment or from `.env` in the working directory."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, Self

import platformdirs
import tzlocal
from pydantic import (
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, DotEnvSettingsSource, EnvSettingsSource, SettingsConfigDict

from service.access.frames import frame_ancestors
from service.access.hosts import check_hosts
from service.access.origins import read_origins
from service.access.proxies import Proxies
from service.access.public_url import read_public_url
from service.alerts.addresses import read_address, read_secret_key
from service.alerts.rules import read_names, read_rules
from service.errors import StartError
from service.federation.sites import Site, read_sites
from service.languages.language import languages
from service.period.lifetimes import ORDER, Lifetimes, check_columnstore, check_lifetime, setting_of
from service.period.shift_rules import read_shift_rules
from service.period.shifts import Shifts
from service.period.times import check_time_format, zone_named, zones
from service.quantities import Duration, Level, Size, faults
from service.secret_files import SecretFile, only_one
from service.store.address import database_address


def _zone_of_this_machine() -> str:
    name = tzlocal.get_localzone_name()
    return name if name in zones() and name != "Etc/UTC" else "UTC"


def _in_small_letters(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _readable(name: str, secret: str | None, read: Callable[[str], object]) -> None:
    try:
        _ = None if secret is None else read(secret)
    except ValueError as exc:
        raise ValueError(f"{name} {exc}") from None


_READERS: dict[str, Callable[[str], object]] = {
    "alerts": read_rules,
    "cors_origins": partial(read_origins, any_allowed=True),
    "frame_ancestors": frame_ancestors,
    "metrics_series": read_names,
    "otel_exporter_otlp_endpoint": lambda value: read_address(value) if value else None,
    "shifts": read_shift_rules,
    "public_url": read_public_url,
    "trusted_origins": read_origins,
    "trusted_proxies": Proxies,
}
"""Who reads these settings, and raises ValueError for what can't be read."""


class Settings(BaseSettings):
    """The service's settings. The table in the README has the same names, defaults and descriptions."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", env_ignore_empty=True, extra="ignore", frozen=True
    )

    debug: bool = Field(False, description="Log at DEBUG and add the cause to answers with status 500.")
    log_level: Level = Field(
        "INFO", description="What is logged: this level and those above, of `DEBUG INFO WARNING ERROR CRITICAL`."
    )
    log_format: Annotated[Literal["console", "json"], BeforeValidator(_in_small_letters)] = Field(
        "console", description="`console` for people, `json` for collectors."
    )
    access_log: bool = Field(
        False,
        description="A line in the log for each answer: method, address without secrets, status, time, bytes, client "
        "and request id.",
    )
    api_host: str = Field("0.0.0.0", description="Address the service listens on.")  # noqa: S104
    api_port: int = Field(8080, ge=0, le=65535, description="Port the service listens on; 0 takes a free one.")
    anonymous: Annotated[Literal["auto", "none", "read", "write", "all"], BeforeValidator(_in_small_letters)] = Field(
        "auto",
        description="What is open without a key: `none`, `read`, `write`, `all`; `auto` is all until there is a key, "
        "then none.",
    )
    tcp_port: int = Field(0, ge=0, le=65535, description="Port for JSON readings over plain TCP; 0 turns it off.")
    allowed_hosts: str = Field(
        "",
        description="Names under which the service is asked for, like `taktline.example, *.example.com`; addresses in "
        "numbers and `localhost` always are. By default any name, or no other where `API_HOST` is loopback.",
    )
    trusted_origins: str = Field(
        "",
        description="Other sites whose pages may write and connect, like `https://pages.example`, separated by commas.",
    )
    trusted_proxies: str = Field(
        "",
        description="Addresses and networks of proxies, like `127.0.0.1, 10.0.0.0/8`, whose `X-Forwarded-For`, "
        "`-Proto` and `-Host` are believed; `*` for whoever connects.",
    )
    root_path: str = Field(
        "", description="Prefix of all addresses behind a proxy, like `/taktline`, whether the proxy strips it or not."
    )
    public_url: str = Field(
        "",
        description="Address at which people reach the service, like `https://taktline.example`, with the prefix of a "
        "proxy; alerts and shared charts link to it.",
    )
    cors_origins: str = Field(
        "", description="Other sites whose pages may read what GET answers, like `https://pages.example`; `*` for all."
    )
    frame_ancestors: str = Field(
        "self",
        description="Who may show pages, HTML charts and `/schema` in a frame: `none`, `self`, `*`, or other sites. "
        "Pictures may stand anywhere.",
    )
    database_url: SecretStr | None = Field(
        None,
        description="`postgresql://…` of a TimescaleDB server, with one host or several; unset: the embedded engine.",
    )
    database_url_file: SecretFile = Field(None, description="File with `DATABASE_URL`, instead of that.")
    database_password: SecretStr | None = Field(
        None, description="Password for `DATABASE_URL` and `DATABASE_READ_URL`, as it is, where they have none."
    )
    database_password_file: SecretFile = Field(None, description="File with `DATABASE_PASSWORD`, instead of that.")
    database_read_url: SecretStr | None = Field(
        None,
        description="`postgresql://…` of standbys of that server, with one host or several, from which charts, pages "
        "and exports are read.",
    )
    database_read_url_file: SecretFile = Field(None, description="File with `DATABASE_READ_URL`, instead of that.")
    federate: str = Field(
        "",
        description="Sites, each a Taktline, of which this is one view and keeps nothing itself, like "
        "`berlin=https://taktline.berlin.example; ulm=https://…`; without `DATABASE_URL`.",
    )
    federate_keys: SecretStr | None = Field(
        None, description="Keys with the scope `read` by which the sites are asked, like `berlin=tk_…; ulm=tk_…`."
    )
    federate_keys_file: SecretFile = Field(None, description="File with `FEDERATE_KEYS`, instead of that.")
    federate_read_key: SecretStr | None = Field(
        None,
        description="Key by which one may look at a view over several sites, 16 characters at least; by default "
        "everybody may.",
    )
    federate_read_key_file: SecretFile = Field(None, description="File with `FEDERATE_READ_KEY`, instead of that.")
    database_schema: str = Field("taktline", description="Schema that holds everything; one for each installation.")
    taktline_data: Path = Field(
        default_factory=lambda: platformdirs.user_data_path("taktline"),
        description="Folder of the embedded engine's data; by default in the user's data directory.",
    )
    taktline_cache: Path = Field(
        default_factory=lambda: platformdirs.user_cache_path("taktline"),
        description="Folder of the embedded engine's packages; by default in the user's cache directory.",
    )
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
    alerts: str = Field(
        "",
        description="Checks that are made all the time, like `line2 series=line 2 behind=10% for=5m; "
        "silence stale=10m`.",
    )
    alert_url: SecretStr | None = Field(
        None, description="Webhook that is told when one of `ALERTS` begins and ends, in Alertmanager's format."
    )
    alert_url_file: SecretFile = Field(None, description="File with `ALERT_URL`, instead of that.")
    alert_secret: SecretStr | None = Field(
        None, description="Secret like `whsec_…` by which that is signed, as Standard Webhooks say."
    )
    alert_secret_file: SecretFile = Field(None, description="File with `ALERT_SECRET`, instead of that.")
    metrics_series: str = Field(
        "", description="Series whose plan, fact and lead are in `/metrics`, like `line 1; line 2`."
    )
    otel_exporter_otlp_endpoint: str = Field(
        "",
        description="Where traces are sent, by OTLP over HTTP, like `http://collector:4318`, with the extra "
        "`taktline[otel]`; other `OTEL_…` variables hold as well.",
    )
    min_ts: datetime = Field(datetime(1970, 1, 1, tzinfo=UTC), description="Readings before this are refused.")
    max_clock_skew: Duration = Field(
        timedelta(days=1), description="Readings with a fact that are later than now plus this are refused."
    )
    max_plan_ahead: Duration = Field(
        timedelta(days=400),
        le=timedelta(days=3660),
        description="The same for readings without a fact, such as plans; at least `MAX_CLOCK_SKEW`.",
    )
    batch_memory: Duration = Field(
        timedelta(days=7),
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
    max_body_bytes: Size = Field(16 * 2**20, ge=1024, description="Largest body of a request, after decompression.")
    max_frame_bytes: Size = Field(2**20, ge=1024, description="Largest WebSocket frame; a larger one closes 1009.")
    queue_readings: int = Field(
        200_000,
        ge=1,
        description="Most readings in a batch (embedded engine: 100,000 at most), and waiting to be written (of past "
        "days, and of days ahead, half as many more); beyond, sockets pause and requests get 503.",
    )
    queue_bytes: Size = Field(
        64 * 2**20,
        ge=1024,
        description="The most memory that readings waiting to be written may take, and of past days, and of days "
        "ahead, half as much more.",
    )
    max_series: int = Field(100_000, ge=1, description="Most series; readings of further ones are refused with 422.")
    memory_limit: Size = Field(
        256 * 2**20,
        validate_default=True,
        description="The most memory for all that is held for clients: what they send, what waits (`QUEUE_BYTES`), "
        "what they don't read.",
    )
    max_connections: int = Field(
        10_000, ge=1, description="Most connections; an address may have as many as are left for others."
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
        description="Time to commit and acknowledge what was accepted when told to stop.",
    )

    @field_validator(*_READERS)
    @classmethod
    def _can_be_read(cls, value: str, info: ValidationInfo) -> str:
        _READERS[info.field_name or ""](value)
        return value

    @field_validator("allowed_hosts")
    @classmethod
    def _known_hosts(cls, value: str) -> str:
        return check_hosts(value)

    @field_validator("root_path")
    @classmethod
    def _usable_root(cls, value: str) -> str:
        root = value.rstrip("/")
        if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)*", root) or ".." in root:
            raise ValueError(f"{value!r} isn't a prefix; write it like /taktline")
        return root

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

    @field_validator("database_schema")
    @classmethod
    def _usable_schema(cls, value: str) -> str:
        if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", value):
            raise ValueError(f"{value!r} isn't allowed; write 1 to 63 of a-z, 0-9 and _, not beginning with a digit")
        if value == "information_schema" or value.startswith(("pg_", "timescaledb_", "_timescaledb_")):
            raise ValueError(f"{value!r} belongs to the database server; choose a name of your own")
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
    def lifetimes(self) -> Lifetimes:
        """How long readings and their rollups are kept."""
        return Lifetimes(*(getattr(self, setting_of(kept).lower()) for kept in ORDER))

    @property
    def labels(self) -> tuple[str, str]:
        """What plan and fact are called; empty where that is left to the language."""
        return self.plan_label, self.fact_label

    @property
    def database(self) -> str | None:
        """The address of the database server, with its password; None stands for the embedded engine. Raises ValueError
        where it can't be used, with a message that shows nothing of it."""
        address = only_one("DATABASE_URL", self.database_url, self.database_url_file)
        password = only_one("DATABASE_PASSWORD", self.database_password, self.database_password_file)
        if address is None and password is not None:
            raise ValueError("DATABASE_PASSWORD is set without DATABASE_URL")
        try:
            return None if address is None else database_address(address, password)
        except ValueError as exc:
            raise ValueError(f"DATABASE_URL can't be used: {exc}") from None

    @property
    def read_database(self) -> str | None:
        """The address of its standbys, with their password; None where all is read from the primary. Raises ValueError
        where it can't be used, with a message that shows nothing of it."""
        address = only_one("DATABASE_READ_URL", self.database_read_url, self.database_read_url_file)
        if address is None:
            return None
        if self.database is None:
            raise ValueError("DATABASE_READ_URL is set without DATABASE_URL")
        password = only_one("DATABASE_PASSWORD", self.database_password, self.database_password_file)
        try:
            return database_address(address, password, reading=True)
        except ValueError as exc:
            raise ValueError(f"DATABASE_READ_URL can't be used: {exc}") from None

    @property
    def sites(self) -> tuple[Site, ...]:
        """The sites of which this is one view; none where it is a Taktline itself. Raises ValueError where they can't
        be read, or their keys, with a message that shows nothing of these."""
        keys = only_one("FEDERATE_KEYS", self.federate_keys, self.federate_keys_file)
        if keys is not None and not self.federate:
            raise ValueError("FEDERATE_KEYS is set without FEDERATE")
        try:
            sites = read_sites(self.federate)
        except ValueError as exc:
            raise ValueError(f"FEDERATE {exc}") from None
        if self.federate and not sites:
            raise ValueError("FEDERATE names no site")
        try:
            return read_sites(self.federate, keys)
        except ValueError as exc:
            raise ValueError(f"FEDERATE_KEYS {exc}") from None

    @property
    def read_key(self) -> str | None:
        """The key by which one may look at all sites. Raises ValueError where it is too short, or there are none."""
        key = only_one("FEDERATE_READ_KEY", self.federate_read_key, self.federate_read_key_file)
        if key is None and self.federate and self.anonymous in ("none", "write"):
            raise ValueError(f"ANONYMOUS={self.anonymous} with FEDERATE needs FEDERATE_READ_KEY, or nobody could look")
        if key is not None and not self.federate:
            raise ValueError("FEDERATE_READ_KEY is set without FEDERATE; keys of a Taktline are in its database")
        if key is not None and not re.fullmatch(r"[!-~]{16,200}", key):
            raise ValueError("FEDERATE_READ_KEY must be 16 to 200 letters, digits and signs of ASCII, without spaces")
        return key

    @property
    def webhook(self) -> str | None:
        """The address that is told of alerts. Raises ValueError where it can't be used, and shows nothing of it."""
        url = only_one("ALERT_URL", self.alert_url, self.alert_url_file)
        _readable("ALERT_URL", url, read_address)
        return url

    @property
    def webhook_secret(self) -> str | None:
        """By what alerts are signed. Raises ValueError where it can't be used, and shows nothing of it."""
        secret = only_one("ALERT_SECRET", self.alert_secret, self.alert_secret_file)
        _readable("ALERT_SECRET", secret, read_secret_key)
        return secret

    @model_validator(mode="after")
    def _usable_federation(self) -> Self:
        _ = self.read_key
        if not self.sites:
            return self
        given = {
            "DATABASE_URL": self.database is not None,
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
        """The settings of this process. Raises StartError, which names every variable that is wrong."""
        try:
            return cls(**overrides)  # type: ignore[arg-type]
        except ValidationError as exc:
            raise StartError(faults(exc, cls)) from exc


NEARLY = 0.87
"""How much alike a name and that of a setting are, at least, for a slip; GRAFANA_DATABASE_PASSWORD isn't one."""


def slips() -> dict[str, str]:
    """The names in the environment and in `.env` that are nearly those of settings, which would be passed over in
    silence, and which settings these are."""
    names = DotEnvSettingsSource(Settings).env_vars.keys() | EnvSettingsSource(Settings).env_vars.keys()
    found = {name: get_close_matches(name, Settings.model_fields, 1, NEARLY) for name in sorted(names)}
    return {name.upper(): near[0].upper() for name, near in found.items() if near and near[0] != name}
