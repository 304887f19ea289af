"""What can't be read as `.env` is named, and what isn't read of it is warned of."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from service.errors import StartError
from service.settings import Settings, env_file_is_folder, slips
from tests.processes import taktline

WRITTEN = "UNIT=Stück\n"


@pytest.fixture
def file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / ".env"


@pytest.fixture
def folder(file: Path) -> None:
    file.mkdir()


@contextmanager
def somebody() -> Iterator[None]:
    """Not root, who may read everything."""
    me = os.geteuid()
    if me == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(me)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_file_in_utf_8(encoding: str, file: Path) -> None:
    """With or without a byte order mark, which Windows writes."""
    file.write_text(WRITTEN, encoding=encoding)
    assert Settings.load().unit == "Stück"
    assert slips() == {}


@pytest.mark.parametrize(
    ("encoding", "place"), [("latin-1", "a byte 0xfc in line 2"), ("utf-16", "a byte 0xff in line 1")]
)
def test_a_file_in_another_encoding(encoding: str, place: str, file: Path) -> None:
    file.write_text(f"API_PORT=0\n{WRITTEN}", encoding=encoding)
    with pytest.raises(StartError) as caught:
        Settings.load()
    assert caught.value.detail == f"{file} isn't text in UTF-8: there is {place}; save it as UTF-8."


def test_a_file_that_may_not_be_read(file: Path) -> None:
    file.write_text(WRITTEN, encoding="utf-8")
    file.chmod(0)
    with somebody(), pytest.raises(StartError) as caught:
        Settings.load()
    assert caught.value.detail == f"{file} can't be read: Permission denied."


@pytest.mark.anyio
@pytest.mark.usefixtures("folder")
async def test_a_folder_in_its_place() -> None:
    """It is warned of, also where something else keeps the start from going on."""
    assert env_file_is_folder()
    status, printed, said = await taktline("demo", FEDERATE="berlin=http://127.0.0.1:1")
    assert status == 1
    assert ".env is a folder, so that no setting is read from it" in printed + said


def test_no_folder(file: Path) -> None:
    assert not env_file_is_folder()
    file.write_text(WRITTEN, encoding="utf-8")
    assert not env_file_is_folder()
