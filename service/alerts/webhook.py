"""What is sent of an alert: Alertmanager's webhook, version 4, signed as Standard Webhooks.

https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

import hashlib
import time
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import msgspec

from service.alerts.addresses import Address, signature
from service.alerts.posting import post
from service.store.alerts import Message

TIMEOUT = 5.0
"""Seconds that a webhook may take to answer."""
NEVER = "0001-01-01T00:00:00Z"
"""Alertmanager's end of an alert that lasts."""


class Webhook:
    """Sends messages to an address, signed if there is a key; `home` is the address of the service itself, to which
    they lead."""

    def __init__(self, address: Address, key: bytes | None, home: str) -> None:
        self._address, self._key, self._home = address, key, home

    async def send(self, message: Message) -> None:
        """Send a message once. Raises NotDelivered where it isn't taken."""
        body = msgspec.json.encode(as_alertmanager(message, self._home))
        identity, now = f"msg_{message.id.hex}", int(time.time())
        headers = {"webhook-id": identity, "webhook-timestamp": str(now)}
        if self._key is not None:
            headers["webhook-signature"] = signature(self._key, identity, now, body)
        await post(self._address, headers, body, TIMEOUT)


def as_alertmanager(message: Message, home: str) -> dict[str, Any]:
    """The body of a message: a group with a single alert."""
    rule, series = message.key.rule, message.key.series
    labels = {"alertname": rule, **({"series": series} if series else {})}
    group = ", ".join(f"{name}={msgspec.json.encode(value).decode()}" for name, value in labels.items())
    annotations = {"summary": f"{series}: {message.detail}" if series else message.detail}
    status = "firing" if message.ends_at is None else "resolved"
    alert = {
        "status": status,
        "labels": labels,
        "annotations": annotations,
        "startsAt": _instant(message.starts_at),
        "endsAt": _instant(message.ends_at) if message.ends_at else NEVER,
        "generatorURL": f"{home}/board{'?' + urlencode({'series': series}) if series else ''}",
        "fingerprint": hashlib.blake2b(group.encode(), digest_size=8).hexdigest(),
    }
    return {
        "version": "4",
        "groupKey": f"{{}}:{{{group}}}",
        "truncatedAlerts": 0,
        "status": status,
        "receiver": "taktline",
        "groupLabels": labels,
        "commonLabels": labels,
        "commonAnnotations": annotations,
        "externalURL": home or "/",
        "alerts": [alert],
    }


def _instant(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
