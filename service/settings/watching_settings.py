"""By whom the service is watched: whom alerts are told, what metrics have, where traces go."""

from collections.abc import Callable

from pydantic import BaseModel, Field, SecretStr, ValidationInfo, field_validator

from service.alerts.addresses import read_address, read_secret_key
from service.alerts.rules import read_names, read_rules
from service.secret_files import SecretFile, only_one

_READERS: dict[str, Callable[[str], object]] = {
    "alerts": read_rules,
    "metrics_series": read_names,
    "otel_exporter_otlp_endpoint": lambda value: read_address(value) if value else None,
}
"""Who reads these settings, and raises ValueError for what can't be read."""


def _readable(name: str, secret: str | None, read: Callable[[str], object]) -> None:
    try:
        _ = None if secret is None else read(secret)
    except ValueError as exc:
        raise ValueError(f"{name} {exc}") from None


class WatchingSettings(BaseModel):
    """What others are told of the readings and of the service."""

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

    @field_validator(*_READERS)
    @classmethod
    def _readable_rules(cls, value: str, info: ValidationInfo) -> str:
        _READERS[info.field_name or ""](value)
        return value

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
