"""The sites of which a service without a database is one view."""

import re

from pydantic import BaseModel, Field, SecretStr

from service.federation.sites import Site, read_sites
from service.secret_files import SecretFile, only_one


class FederationSettings(BaseModel):
    """The sites, and the keys to them and to the view."""

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
        if key is not None and not self.federate:
            raise ValueError("FEDERATE_READ_KEY is set without FEDERATE; keys of a Taktline are in its database")
        if key is not None and not re.fullmatch(r"[!-~]{16,200}", key):
            raise ValueError("FEDERATE_READ_KEY must be 16 to 200 letters, digits and signs of ASCII, without spaces")
        return key
