"""Settings of the emitter."""

from pathlib import Path

import pytest

from emitter.errors import BadSettings
from emitter.settings import EmitterSettings

UNREADABLE = Path("/proc/self/mem")


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Ignore the machine's environment and any `.env`."""
    monkeypatch.chdir(tmp_path)
    for name in EmitterSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def test_the_address_follows_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    assert EmitterSettings.load().url == "ws://127.0.0.1:8080/"
    monkeypatch.setenv("API_PORT", "9000")
    assert EmitterSettings.load().url == "ws://127.0.0.1:9000/"
    monkeypatch.setenv("API_HOST", "db.example")
    assert EmitterSettings.load().url == "ws://db.example:9000/"
    monkeypatch.setenv("EMITTER_URL", "https://there.example")
    assert EmitterSettings.load().url == "wss://there.example/"
    assert EmitterSettings.load(emitter_url="ws://[::1]:1/ws").url == "ws://[::1]:1/ws"


def test_dotenv_is_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("EMITTER_SERIES=press\nDATABASE_URL=postgresql://x\nEMITTER_URL=\n")
    assert EmitterSettings.load().emitter_series == "press"


@pytest.mark.parametrize(
    ("content", "where"), [(b"A=1\nUNIT=St\xfcck\n", "0xfc in line 2"), ("UNIT=t".encode("utf-16"), "0xff in line 1")]
)
def test_a_dotenv_in_another_encoding_is_said(tmp_path: Path, content: bytes, where: str) -> None:
    (tmp_path / ".env").write_bytes(content)
    with pytest.raises(BadSettings) as caught:
        EmitterSettings.load()
    assert str(caught.value) == f"{tmp_path}/.env isn't text in UTF-8: there is a byte {where}; save it as UTF-8"


@pytest.mark.skipif(not UNREADABLE.exists(), reason="only Linux has such a file, which not even root can read")
def test_a_dotenv_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / ".env").symlink_to(UNREADABLE)
    with pytest.raises(BadSettings) as caught:
        EmitterSettings.load()
    assert str(caught.value) == f"{tmp_path}/.env can't be read: Input/output error"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("EMITTER_URL", "localhost:8080", "EMITTER_URL: 'localhost:8080' isn't the address of a service"),
        ("EMITTER_URL", "ws://a:99999", "EMITTER_URL: 'ws://a:99999' has no usable host and port"),
        (
            "EMITTER_SPOOL",
            "~no such user/x",
            "EMITTER_SPOOL: '~no such user/x' begins with the home directory of a user",
        ),
        ("EMITTER_INTERVAL", "0", "EMITTER_INTERVAL: "),
        ("EMITTER_WINDOW", "many", "EMITTER_WINDOW: "),
        ("LOG_LEVEL", "LOUD", "LOG_LEVEL: "),
    ],
)
def test_a_bad_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadSettings) as caught:
        EmitterSettings.load()
    assert said in str(caught.value)


@pytest.mark.parametrize("given", ["tk_secret\r", " tk_secret\n"])
def test_a_line_end_is_no_part_of_a_token(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("EMITTER_TOKEN", given)
    assert EmitterSettings.load().token == "tk_secret"


@pytest.mark.parametrize("given", ["tk_sécret", "tk_secret\r\nX-Other: 1", "tk secret", "tk_secret\udcff", " "])
def test_a_token_that_no_header_can_have_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, given: str
) -> None:
    monkeypatch.setenv("EMITTER_TOKEN", given)
    with pytest.raises(BadSettings, match=r"^EMITTER_TOKEN has characters that no key has\.$"):
        EmitterSettings.load()
    monkeypatch.delenv("EMITTER_TOKEN")
    (tmp_path / "key").write_text("tk_sécret", encoding="utf-8")
    with pytest.raises(BadSettings, match=r"^EMITTER_TOKEN_FILE has characters that no key has\.$"):
        EmitterSettings.load(emitter_token_file="key")


def test_every_setting_is_described() -> None:
    assert all(field.description for field in EmitterSettings.model_fields.values())


@pytest.mark.parametrize("host", ["[", "[::1]", "a b", "a/b", "a?b", "a#b", "me@there", "http://there", "x" * 70])
def test_a_host_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("API_HOST", host)
    with pytest.raises(BadSettings) as caught:
        _ = EmitterSettings.load().url
    assert str(caught.value) == f"API_HOST: {host!r} isn't a host; write a name or an address like 192.0.2.1 or ::1"


def test_an_address_of_version_6_is_a_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_HOST", "2001:db8::1")
    assert EmitterSettings.load().url == "ws://[2001:db8::1]:8080/"


def test_port_zero_needs_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_PORT", "0")
    with pytest.raises(BadSettings, match="EMITTER_URL"):
        _ = EmitterSettings.load().url
