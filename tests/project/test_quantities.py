"""Durations, sizes and levels: one way of writing them in every setting and option of service and emitter."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_settings import BaseSettings

from emitter.__main__ import commands
from emitter.errors import BadSettings
from emitter.settings import EmitterSettings
from service.errors import StartError
from service.period.times import check_time_format
from service.quantities import parse_duration, parse_size
from service.settings import Settings

ROOT = Path(__file__).parents[2]
SERVICE_AND_EMITTER: list[type[BaseSettings]] = [Settings, EmitterSettings]


def fields(kind: Any) -> list[Any]:
    """Every setting of that type."""
    return [
        pytest.param(owner, name, id=f"{owner.__name__}.{name}")
        for owner in SERVICE_AND_EMITTER
        for name, field in owner.model_fields.items()
        if kind(name, field)
    ]


def load(owner: type[BaseSettings], monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> Any:
    monkeypatch.setenv(name.upper(), value)
    return getattr(owner.load(), name)  # type: ignore[attr-defined]


def test_service_and_emitter_read_values_alike() -> None:
    assert (ROOT / "service/quantities.py").read_text() == (ROOT / "emitter/quantities.py").read_text()


@pytest.mark.parametrize(("owner", "name"), fields(lambda _, field: field.annotation is timedelta))
@pytest.mark.parametrize("text", ["90", "90s", "90 s", "1m30s", "1 minute 30 seconds", "1.5 min", "PT90S", "PT1M30S"])
def test_every_duration(
    owner: type[BaseSettings], name: str, text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load(owner, monkeypatch, name, text) == timedelta(seconds=90)


@pytest.mark.parametrize(("owner", "name"), fields(lambda name, _: name.endswith("_bytes")))
@pytest.mark.parametrize("text", ["2097152", "2MiB", "2 MiB", "2mib", "2048KiB", "2097152 B"])
def test_every_size(
    owner: type[BaseSettings], name: str, text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load(owner, monkeypatch, name, text) == 2 * 2**20


@pytest.mark.parametrize("owner", SERVICE_AND_EMITTER)
@pytest.mark.parametrize(
    ("text", "level"),
    [("info", "INFO"), ("Warn", "WARNING"), ("warning", "WARNING"), ("CRITICAL", "CRITICAL"), ("fatal", "CRITICAL")],
)
def test_every_level(
    owner: type[BaseSettings], text: str, level: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load(owner, monkeypatch, "log_level", text) == level


@pytest.mark.parametrize("owner", SERVICE_AND_EMITTER)
def test_an_empty_value_is_the_default(
    owner: type[BaseSettings], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in owner.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    defaults = owner.load()  # type: ignore[attr-defined]
    for name in owner.model_fields:
        monkeypatch.setenv(name.upper(), "")
    assert owner.load() == defaults  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SHUTDOWN_GRACE", "soon", "SHUTDOWN_GRACE: 'soon' isn't a duration; write it like 10s, 1h30m, 7d or PT90S."),
        ("QUEUE_BYTES", "much", "QUEUE_BYTES: 'much' isn't a size; write it in bytes, like 16777216, or like 16MiB"),
        ("LOG_LEVEL", "loud", "LOG_LEVEL: 'loud' isn't a level; allowed are DEBUG, INFO, WARNING, ERROR, CRITICAL."),
        ("TIME_FORMAT", "%Y %Q", "TIME_FORMAT: '%Q' stands for nothing; allowed are %a %A"),
        ("TIME_FORMAT", "100%", "TIME_FORMAT: '%' stands for nothing"),
    ],
)
def test_a_bad_value_is_named_at_start(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(name, value)
    with pytest.raises(StartError) as caught:
        Settings.load()
    assert said in caught.value.detail


def test_a_bad_level_of_the_emitter_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOG_LEVEL", "loud")
    with pytest.raises(BadSettings, match="'loud' isn't a level; allowed are DEBUG"):
        EmitterSettings.load()


def test_every_option_that_is_a_duration_is_written_like_the_settings() -> None:
    names = set()
    for command in commands.commands.values():
        for option in command.params:
            if isinstance(option, click.Option) and option.metavar == "DURATION":
                names.add(option.name)
                with click.Context(command) as ctx:
                    assert option.process_value(ctx, "1m30s") == timedelta(seconds=90)
            elif isinstance(option, click.Option):
                assert "econds" not in (option.help or "").split("  ")[0], option.name
    assert names == {"interval", "every", "wait", "seconds"}


@given(st.text(max_size=20))
def test_any_text_is_a_value_or_a_sentence(text: str) -> None:
    for parse in (parse_duration, parse_size):
        try:
            parse(text)
        except ValueError as exc:
            assert repr(text) in str(exc)  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize("directive", list("aAbBcCdDeFgGhHIjklmMnpRrSTuUVwWxXyYzZ%f"))
def test_what_a_time_format_may_hold_is_filled_in(directive: str) -> None:
    text = check_time_format(f"%{directive}")
    assert datetime(2026, 1, 31, 14, 5, tzinfo=UTC).strftime(text) != f"%{directive}"


@pytest.mark.parametrize("text", ["%Q", "%", "%-", "%H:%M %", "%é", "%\n", "%-Q", "%E", "%%%"])
def test_what_would_be_drawn_as_it_stands_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="stands for nothing"):
        check_time_format(text)
