"""No part of the database's password is ever shown, whatever characters it has."""

from urllib.parse import unquote, urlsplit

import pytest
from asyncpg.connect_utils import _parse_connect_dsn_and_args  # type: ignore[attr-defined]
from hypothesis import given
from hypothesis import strategies as st

from service.errors import StartError
from service.settings import Settings
from service.store.address import database_address, place

TRICKY = st.text(st.sampled_from("/#?@:%[]&=1aZ9.,~ é'\""), min_size=1, max_size=12)
PASSWORDS = st.one_of(TRICKY, st.text(min_size=1, max_size=20))


def refusal(text: str, **more: str) -> str | None:
    """What is said of an address that is refused; None where it isn't."""
    try:
        Settings.load(database_url=text, **more)
    except StartError as exc:
        return exc.detail
    return None


@given(PASSWORDS)
def test_a_password_that_is_not_quoted_is_read_as_meant_or_refused(password: str) -> None:
    """A password with / ? or # would else make host, port and path of its parts, which messages show."""
    text = f"postgresql://user:{password}@host.example:5432/readings"
    told = refusal(text)
    if told is None:
        address = database_address(text)
        assert place(address) == "postgresql://user@host.example:5432/readings"
        assert unquote(urlsplit(address).password or "") == unquote(password)
    else:
        assert told in {refusal("postgresql://user:1/2@host"), refusal("postgresql://user:[@host"), refusal("x://a b")}


@given(PASSWORDS.filter(lambda text: "\0" not in text and text.isprintable()))
def test_a_password_of_its_own_is_taken_as_it_is(password: str) -> None:
    address = "postgresql://user@host.example/readings"
    settings = Settings.load(database_url=address, database_password=password)
    assert settings.database is not None
    assert place(settings.database) == address
    assert repr(settings) == repr(Settings.load(database_url=address, database_password="x"))


@given(TRICKY)
def test_the_driver_reads_the_same_password(password: str) -> None:
    address = database_address("postgresql://user@host.example/readings", password)
    _, read = _parse_connect_dsn_and_args(
        dsn=address,
        host=None,
        port=None,
        user=None,
        password=None,
        passfile=None,
        database=None,
        ssl=None,
        service=None,
        servicefile=None,
        direct_tls=None,
        server_settings=None,
        target_session_attrs=None,
        krbsrvname=None,
        gsslib=None,
    )
    assert (read.user, read.password, read.database) == ("user", password, "readings")


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://host",
        "postgresql:///readings?host=/run/postgresql",
        "postgres://user@a.example:5432,b.example:5433/readings?sslmode=require",
        "postgresql://user:p%2Fq@[::1]:5432/readings",
        "postgresql://user@%2Frun%2Fpostgresql/readings",
    ],
)
def test_addresses_as_they_are_stay_as_they_are(text: str) -> None:
    assert database_address(text) == text


@pytest.mark.parametrize(
    "text", ["mysql://u:secret@h/x", "u:secret@h", "postgresql://u:sec ret@h", "postgresql://u:secret"]
)
def test_what_can_not_be_read_is_not_shown(text: str) -> None:
    told = refusal(text)
    assert told is not None
    assert told.startswith("DATABASE_URL can't be used: ")
    assert "sec" not in told


def test_a_password_once() -> None:
    assert "has a password already" in (refusal("postgresql://u:a@h/x", database_password="b") or "")
