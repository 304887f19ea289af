"""The address at which people reach the service."""

import pytest

from service.errors import StartError
from service.settings import Settings


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("taktline.example", "must begin with http:// or https:// and a host"),
        ("ftp://taktline.example", "must begin with http:// or https:// and a host"),
        ("https://", "must begin with http:// or https:// and a host"),
        ("https://a:b", "isn't an address"),
        ("https://taktline.example?x=1", "goes on after the path"),
        ("https://taktline.example/#top", "goes on after the path"),
        ("https://me:secret@taktline.example", "an address that is told to others has no user and no password"),
        ("https://takt line.example", "has characters that an address can't have"),
    ],
)
def test_what_it_cannot_be_is_said_at_start(written: str, told: str) -> None:
    with pytest.raises(StartError) as caught:
        Settings.load(public_url=written)
    assert caught.value.detail.startswith("PUBLIC_URL")
    assert told in caught.value.detail
    assert "secret" not in caught.value.detail


@pytest.mark.parametrize("written", ["", "http://localhost:8080", "https://plant.example/taktline/"])
def test_what_it_may_be(written: str) -> None:
    assert Settings.load(public_url=written).public_url == written
