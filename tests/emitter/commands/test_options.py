"""Mistakes on the command line."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from emitter.__main__ import commands
from emitter.settings import EmitterSettings
from tests.emitter.commands.making import make_csv


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Ignore the machine's environment and any `.env`."""
    monkeypatch.chdir(tmp_path)
    for name in EmitterSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["fill", "--every", "often"], 2, "'often' isn't a duration"),
        (["fill", "--from", "2026-01-01T00:00:00"], 2, "has no offset"),
        (["fill", "--from", "now", "--until", "-2h"], 2, "There is nothing to fill from"),
        (["fill", "--series", ""], 2, "'' has 0 characters; 1 to 200 are allowed"),
        (["fill", "--series", "\udcff"], 2, r"'\udcff' isn't text in UTF-8"),
        (["replay", "good.csv", "--series-name", "\udcff"], 2, r"'\udcff' isn't text in UTF-8"),
        (["replace", "good.csv", "--series-name", "\udcff"], 2, r"'\udcff' isn't text in UTF-8"),
        (["run", "--url", "localhost"], 1, "'localhost' isn't the address"),
        (["replay", "missing.csv"], 2, "'missing.csv' does not exist"),
        (["replay", "good.csv", "--tz", "Mars/Olympus"], 2, "'Mars/Olympus' isn't an IANA time zone"),
        (["replay", "good.csv", "--time-format", "%Q"], 2, "'%Q' isn't a format"),
        (["replay", "good.csv", "--delimiter", ";;"], 2, "can't separate cells"),
        (["replay", "picture.png"], 1, "picture.png: it isn't a CSV file in UTF-8: save the table as CSV in UTF-8."),
        (["replay", "good.csv", "--ts", "when"], 1, "good.csv: no column 'when'"),
        (["replay", "bad.csv", "--dry-run"], 1, "1 row can be sent, 1 is bad"),
        (["replay", "bad.csv", "--dry-run", "--strict"], 1, "bad.csv, line 3, column fact: 'x' isn't a finite number."),
        (["replay", "good.csv", "--dry-run"], 0, "2 rows can be sent, 0 are bad"),
        (["replay", "good.csv", "--tz", "europe/berlin", "--dry-run"], 0, "2 rows can be sent, 0 are bad"),
    ],
)
def test_a_mistake_gets_a_sentence_and_a_status(tmp_path: Path, arguments: list[str], status: int, said: str) -> None:
    (tmp_path / "good.csv").write_text(make_csv(2))
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0")
    (tmp_path / "bad.csv").write_text("ts,fact\n1769868300,1\n1769868301,x\n")
    result = CliRunner().invoke(commands, arguments)
    assert result.exit_code == status
    assert said in result.output
    assert not isinstance(result.exception, click.ClickException)
