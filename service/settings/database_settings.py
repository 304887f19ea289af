"""The database: a server, its standbys, or the embedded engine."""

import re
from pathlib import Path

import platformdirs
from pydantic import BaseModel, Field, SecretStr, field_validator

from service.secret_files import SecretFile, only_one
from service.store.address import database_address


class DatabaseSettings(BaseModel):
    """Where the readings are kept."""

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
    database_schema: str = Field("taktline", description="Schema that holds everything; one for each installation.")
    taktline_data: Path = Field(
        default_factory=lambda: platformdirs.user_data_path("taktline"),
        description="Folder of the embedded engine's data; by default in the user's data directory.",
    )
    taktline_cache: Path = Field(
        default_factory=lambda: platformdirs.user_cache_path("taktline"),
        description="Folder of the embedded engine's packages; by default in the user's cache directory.",
    )

    @field_validator("database_schema")
    @classmethod
    def _usable_schema(cls, value: str) -> str:
        if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", value):
            raise ValueError(f"{value!r} isn't allowed; write 1 to 63 of a-z, 0-9 and _, not beginning with a digit")
        if value == "information_schema" or value.startswith(("pg_", "timescaledb_", "_timescaledb_")):
            raise ValueError(f"{value!r} belongs to the database server; choose a name of your own")
        return value

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
