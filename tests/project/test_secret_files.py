"""Every secret can stand in a file."""

import os
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from pydantic_settings import BaseSettings

from emitter.errors import BadSettings
from emitter.settings import EmitterSettings
from service.errors import StartError
from service.settings import Settings

ROOT = Path(__file__).parents[2]
SECRETS = [
    pytest.param(owner, name, id=name)
    for owner in (Settings, EmitterSettings)
    for name, field in owner.model_fields.items()
    if field.annotation == SecretStr | None and not name.endswith("_file")
]
VALUES = {
    "database_url": "postgresql://u@h/x",
    "database_read_url": "postgresql://u@standby/x",
    "database_password": "p/w#1",
    "alert_url": "https://alerts.example/t0ken",
    "alert_secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "federate_keys": "berlin=tk_of_berlin",
    "federate_read_key": "tk_of_the_whole_view",
    "emitter_token": "qwertz",
}
USED = {
    "alert_url": "webhook",
    "alert_secret": "webhook_secret",
    "database_read_url": "read_database",
    "federate_keys": "sites",
    "federate_read_key": "read_key",
    "emitter_token": "token",
}


def load(owner: Any, **given: object) -> Any:
    if given.keys() & {f"{name}{end}" for name in ("database_password", "database_read_url") for end in ("", "_file")}:
        given.setdefault("database_url", VALUES["database_url"])
    if any(name.startswith("federate_") for name in given):
        given.setdefault("federate", "berlin=http://berlin")
    return owner.load(**given)


@pytest.mark.parametrize(("owner", "name"), SECRETS)
@pytest.mark.parametrize(("before", "end"), [("", ""), ("", "\n"), ("\ufeff", "\r\n")])
def test_every_secret_has_a_twin(owner: type[BaseSettings], name: str, before: str, end: str, tmp_path: Path) -> None:
    """As editors write it, on Windows with a byte order mark too."""
    file = tmp_path / "secret"
    file.write_bytes(f"{before}{VALUES[name]}{end}".encode())
    by_file, by_value = load(owner, **{f"{name}_file": str(file)}), load(owner, **{name: VALUES[name]})
    used = USED.get(name, "database")
    assert getattr(by_file, used) == getattr(by_value, used)
    assert getattr(by_file, used) is not None
    assert VALUES[name] not in repr(by_file)


@pytest.mark.parametrize(("owner", "name"), SECRETS)
@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "can't be read: No such file or directory"),
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"\xff\xfe", "isn't text in UTF-8"),
        (b"one\ntwo\n", "is more than one line of text"),
        (b"one\r\ntwo\r\n", "is more than one line of text"),
        (b"one\t", "has a tab or another character that can't be printed"),
        (b"\xef\xbb\xbf\n", "is empty"),
        (65_537 * b"x", "is larger than a secret may be, 65,536 bytes"),
    ],
)
def test_what_is_wrong_with_it_is_said(
    owner: type[BaseSettings], name: str, content: bytes | None, told: str, tmp_path: Path
) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises((StartError, BadSettings)) as caught:
        load(owner, **{f"{name}_file": str(file)})
    assert str(caught.value).startswith(f"{name.upper()}_FILE: {file} {told}")
    assert "one" not in str(caught.value).replace(str(file), "").replace("more than one line", "")


@pytest.mark.parametrize(("owner", "name"), SECRETS)
def test_a_file_may_have_any_name(owner: type[BaseSettings], name: str, tmp_path: Path) -> None:
    file = tmp_path / os.fsdecode(b"\xff")
    with pytest.raises((StartError, BadSettings)) as caught:
        load(owner, **{f"{name}_file": str(file)})
    told = f"{name.upper()}_FILE: {tmp_path}/\\xff can't be read: No such file or directory"
    assert str(caught.value).startswith(told)
    file.write_text(VALUES[name])
    load(owner, **{f"{name}_file": str(file)})


def test_a_folder_is_no_secret(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="Is a directory"):
        EmitterSettings.load(emitter_token_file=str(tmp_path))


@pytest.mark.parametrize(("owner", "name"), SECRETS)
def test_one_of_both(owner: type[BaseSettings], name: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("other")
    with pytest.raises((StartError, BadSettings), match=f"^{name.upper()} and {name.upper()}_FILE are both set"):
        load(owner, **{name: VALUES[name], f"{name}_file": str(file)})


def test_a_password_without_an_address_is_a_mistake() -> None:
    with pytest.raises(StartError, match="DATABASE_PASSWORD is set without DATABASE_URL"):
        Settings.load(database_password="x")


def test_both_have_the_same_module() -> None:
    one, other = (ROOT / room / "secret_files.py" for room in ("service", "emitter"))
    assert one.read_text(encoding="utf-8") == other.read_text(encoding="utf-8")
