"""Durations, sizes and levels are written in the same way in all settings and options of the service and the
emitter."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from pydantic_settings import BaseSettings

from bench.load.__main__ import run_load
from emitter.__main__ import commands
from emitter.errors import BadSettings
from emitter.settings import EmitterSettings
from service.errors import StartError
from service.period.times import check_time_format
from service.quantities import parse_duration, parse_size
from service.settings import Settings

ROOT = Path(__file__).parents[2]
HUGE = "99999999999999999999999"
SERVICE_AND_EMITTER: list[type[BaseSettings]] = [Settings, EmitterSettings]


def fields(kind: Any) -> list[Any]:
    """All settings of that type."""
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
        ("API_HOST", "\udcff", r"API_HOST: '\udcff' isn't an address or a name; write it like 0.0.0.0 or ::1."),
        ("API_HOST", 64 * "x", "isn't an address or a name"),
        ("API_HOST", "taktline..example", "API_HOST: 'taktline..example' isn't an address or a name"),
        ("SHUTDOWN_GRACE", "soon", "SHUTDOWN_GRACE: 'soon' isn't a duration; write it like 10s, 1h30m, 7d or PT90S."),
        ("QUEUE_BYTES", "much", "QUEUE_BYTES: 'much' isn't a size; write it in bytes, like 16777216, or like 16MiB"),
        ("LOG_LEVEL", "loud", "LOG_LEVEL: 'loud' isn't a level; allowed are DEBUG, INFO, WARNING, ERROR, CRITICAL."),
        ("API_PORT", "abc", "API_PORT: 'abc' isn't allowed; write a whole number of at least 0 and at most 65535."),
        ("TCP_PORT", "65536", "TCP_PORT: '65536' isn't allowed; write a whole number of at least 0 and at most 65535."),
        (
            "MAX_SERIES",
            "0",
            "MAX_SERIES: '0' isn't allowed; write a whole number of at least 1 and at most 100000000.",
        ),
        ("BATCH_MEMORY", "40000d", "BATCH_MEMORY: 40000d isn't allowed; write a duration of at most 36500d."),
        (
            "MAX_CLOCK_SKEW",
            "40000d",
            "MAX_CLOCK_SKEW: 40000d isn't allowed; write a duration of at most 3660d.",
        ),
        ("SHUTDOWN_GRACE", "200000d", "SHUTDOWN_GRACE: 200000d isn't allowed; write a duration of at most 1d."),
        *(
            (name, HUGE, f"{name}: '{HUGE}' isn't allowed; write a whole number of at least 1 and at most {most}.")
            for name, most in (("MAX_SERIES", 10**8), ("QUEUE_READINGS", 10**8), ("MAX_CONNECTIONS", 10**6))
        ),
        *(
            (name, HUGE, f"{name}: {HUGE} isn't allowed; write a whole number of at least 1024 and at most {2**40}.")
            for name in ("QUEUE_BYTES", "MAX_BODY_BYTES", "MAX_FRAME_BYTES")
        ),
        ("MEMORY_LIMIT", HUGE, f"MEMORY_LIMIT: {HUGE} isn't allowed; write a whole number of at most {2**40}."),
        ("INGEST_RATE", "nan", "INGEST_RATE: 'nan' isn't allowed; write a number of at least 0."),
        ("MAX_BODY_BYTES", "1kB", "MAX_BODY_BYTES: 1000 isn't allowed; write a whole number of at least 1024 and at m"),
        ("DEBUG", "maybe", "DEBUG: 'maybe' isn't allowed; write true or false."),
        ("LOG_FORMAT", "xml", "LOG_FORMAT: 'xml' isn't allowed; write console or json."),
        ("MIN_TS", "once", "MIN_TS: 'once' isn't allowed; write a time like 1970-01-01T00:00:00Z."),
        ("MIN_TS", "2020-01-01", "MIN_TS: '2020-01-01T00:00:00' has no offset; write it like 1970-01-01T00:00:00Z."),
        (
            "DATABASE_SCHEMA",
            "A b",
            "DATABASE_SCHEMA: 'A b' isn't allowed; write 1 to 63 of a-z, 0-9 and _, not beginning with a digit.",
        ),
        ("ALLOWED_HOSTS", "http://a.example", "ALLOWED_HOSTS: 'http://a.example' isn't a host; write it like"),
        ("TRUSTED_ORIGINS", "*", "TRUSTED_ORIGINS: '*' isn't an origin; write it like https://pages.example, without"),
        ("CORS_ORIGINS", "a.example", "CORS_ORIGINS: 'a.example' isn't an origin; write it like https://pages.example"),
        ("TRUSTED_PROXIES", "proxy", "TRUSTED_PROXIES: 'proxy' is no address; write addresses or networks like"),
        ("ROOT_PATH", "taktline", "ROOT_PATH: 'taktline' isn't a prefix; write it like /taktline."),
        ("FRAME_ANCESTORS", "a.example", "FRAME_ANCESTORS: 'a.example' can't stand there; write none, self, * or"),
        (
            "DATABASE_SCHEMA",
            "pg_catalog",
            "DATABASE_SCHEMA: 'pg_catalog' belongs to the database server; choose a name of your own.",
        ),
        (
            "DATABASE_SCHEMA",
            "information_schema",
            "DATABASE_SCHEMA: 'information_schema' belongs to the database server; choose a name of your own.",
        ),
        (
            "DATABASE_SCHEMA",
            "_timescaledb_catalog",
            "DATABASE_SCHEMA: '_timescaledb_catalog' belongs to the database server; choose a name of your own.",
        ),
        (
            "RETENTION_READINGS",
            "14d",
            "RETENTION_READINGS: 14d is too short: the rollups are refreshed for the last 30d, and a refresh over what",
        ),
        ("COMPRESS_AFTER", "often", "COMPRESS_AFTER: 'often' isn't a duration; write it like 10s, 1h30m, 7d or PT90S."),
        (
            "COMPRESS_AFTER",
            "5m",
            "COMPRESS_AFTER: 300s is too soon, since late readings still come; write at least 1h.",
        ),
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


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"READINGS": "90d", "MINUTE": "60d"}, "MINUTE: 60d is shorter than RETENTION_READINGS, 90d, which keeps what"),
        ({"MINUTE": "60d"}, "MINUTE: 60d is shorter than for ever, which is how long RETENTION_READINGS keeps what"),
        (
            {"READINGS": "90d", "QUARTER": "200d"},
            "QUARTER: 200d is shorter than for ever, which is how long RETENTION_M",
        ),
        ({"READINGS": "90d", "MINUTE": "1d"}, "MINUTE: 1d is too short: the rollups are refreshed for the last 30d"),
        ({"READINGS": "x", "MINUTE": "60d"}, "READINGS: 'x' isn't a duration"),
    ],
)
def test_nothing_is_kept_longer_than_what_is_made_of_it(
    given: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in given.items():
        monkeypatch.setenv(f"RETENTION_{name}", value)
    with pytest.raises(StartError) as caught:
        Settings.load()
    assert caught.value.detail.startswith(f"RETENTION_{said}")


def test_readings_move_to_the_columnstore_before_they_are_gone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RETENTION_READINGS", "40d")
    monkeypatch.setenv("COMPRESS_AFTER", "40d")
    with pytest.raises(StartError, match="COMPRESS_AFTER: 40d isn't shorter than RETENTION_READINGS, 40d, so that"):
        Settings.load()
    monkeypatch.setenv("COMPRESS_AFTER", "39d")
    assert Settings.load().lifetimes.readings == timedelta(days=40)


@pytest.mark.parametrize("owner", SERVICE_AND_EMITTER)
def test_every_wrong_setting_gets_a_sentence_of_our_own(
    owner: type[BaseSettings], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The sentence has the name of the setting, its value, and what is allowed."""
    monkeypatch.chdir(tmp_path)
    anything = (Path, str, SecretStr | None)
    wrong = [name for name, field in owner.model_fields.items() if field.annotation not in anything]
    for name in wrong:
        monkeypatch.setenv(name.upper(), "#")
    with pytest.raises((StartError, BadSettings)) as caught:
        owner.load()  # type: ignore[attr-defined]
    said = re.split(r" (?=[A-Z_]+: )", str(caught.value))
    assert [line.split(":")[0] for line in said] == [name.upper() for name in wrong]
    for line in said:
        assert re.fullmatch(r"[A-Z_]+: '#' isn't .*(; (write|allowed are)|, like) .*\.", line), line
        assert "nput" not in line


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("EMITTER_WINDOW", "many", "'many' isn't allowed; write a whole number of at least 1 and at most 1000."),
        ("EMITTER_INTERVAL", "0", "0s isn't allowed; write a duration of more than 0s and at most 1d."),
        ("EMITTER_GRACE", "90m", "90m isn't allowed; write a duration of at least 0s and at most 10m."),
        (
            "EMITTER_SERIES",
            201 * "x",
            f"'{201 * 'x'}' isn't allowed; write text of at least 1 and at most 200 characters.",
        ),
    ],
)
def test_a_bad_setting_of_the_emitter_says_what_is_allowed(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(name, value)
    with pytest.raises(BadSettings) as caught:
        EmitterSettings.load()
    assert caught.value.detail == f"{name}: {said}"


def test_a_bad_level_of_the_emitter_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOG_LEVEL", "loud")
    with pytest.raises(BadSettings, match="'loud' isn't a level; allowed are DEBUG"):
        EmitterSettings.load()


def test_every_option_that_is_a_duration_is_written_like_the_settings() -> None:
    names = set()
    for command in (*commands.commands.values(), run_load):
        for option in command.params:
            if isinstance(option, click.Option) and option.metavar == "DURATION":
                names.add(option.name)
                with click.Context(command) as ctx:
                    assert option.process_value(ctx, "1m30s") == timedelta(seconds=90)
            elif isinstance(option, click.Option):
                assert "econds" not in (option.help or "").split("  ")[0], option.name
    assert names == {"interval", "every", "wait", "seconds", "over"}


@given(st.text(max_size=20))
def test_any_text_is_a_value_or_a_sentence(text: str) -> None:
    for parse in (parse_duration, parse_size):
        try:
            parse(text)
        except ValueError as exc:
            assert repr(text) in str(exc)  # noqa: PT017 - both outcomes are right


@pytest.mark.parametrize("directive", list("aAbBcCdDeFgGhHIjklmMnpRrSTuUVwWxXyYzZ%f"))
def test_what_a_time_format_may_hold_is_filled_in(directive: str) -> None:
    text = check_time_format(f"%{directive}")
    assert datetime(2026, 1, 31, 14, 5, tzinfo=UTC).strftime(text) != f"%{directive}"


@pytest.mark.parametrize("text", ["%Q", "%", "%-", "%H:%M %", "%é", "%\n", "%-Q", "%E", "%%%"])
def test_what_would_be_drawn_as_it_stands_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="stands for nothing"):
        check_time_format(text)
