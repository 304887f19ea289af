"""Where the service listens, who may reach it, and by which names."""

import re
from collections.abc import Callable
from functools import partial
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field, ValidationInfo, field_validator

from service.access.frames import frame_ancestors
from service.access.hosts import check_hosts
from service.access.origins import read_origins
from service.access.proxies import Proxies
from service.access.public_url import read_public_url
from service.errors import quoted
from service.settings.small_letters import in_small_letters

_READERS: dict[str, Callable[[str], object]] = {
    "cors_origins": partial(read_origins, any_allowed=True),
    "frame_ancestors": frame_ancestors,
    "public_url": read_public_url,
    "trusted_origins": read_origins,
    "trusted_proxies": Proxies,
}
"""Who reads these settings, and raises ValueError for what can't be read."""


class AddressSettings(BaseModel):
    """The addresses of the service, and what those of its clients have to be."""

    api_host: str = Field("0.0.0.0", description="Address the service listens on.")  # noqa: S104
    api_port: int = Field(8080, ge=0, le=65535, description="Port the service listens on; 0 takes a free one.")
    anonymous: Annotated[Literal["auto", "none", "read", "write", "all"], BeforeValidator(in_small_letters)] = Field(
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

    @field_validator("api_host")
    @classmethod
    def _usable_host(cls, value: str) -> str:
        try:
            value.encode("idna")  # as a socket does
        except UnicodeError:
            raise ValueError(f"{quoted(value)} isn't an address or a name; write it like 0.0.0.0 or ::1") from None
        return value

    @field_validator(*_READERS)
    @classmethod
    def _readable_addresses(cls, value: str, info: ValidationInfo) -> str:
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
