"""The emitter's parts that need no service: profiles, spool, tables, times, settings."""

import asyncio
import io
import itertools
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from emitter.__main__ import commands
from emitter.answers import Duplicate, Refusal, Written, read_answer
from emitter.backoff import FIRST, LONGEST, Backoff, retry_after
from emitter.cells import Layout
from emitter.errors import BadRow, BadSettings, BadTable, SpoolError, SpoolFull
from emitter.fill import Span, fill
from emitter.live import ticks
from emitter.parcels import Parcel
from emitter.profiles import DAY, HOUR, MINUTE, Profile
from emitter.quantities import parse_duration
from emitter.readings import MAX_BATCH_BYTES, Batch, Reading, encode, envelope
from emitter.replay import Replay
from emitter.settings import EmitterSettings
from emitter.sources import CpuSource, RandomSource
from emitter.spool import Spool
from emitter.table import Row, Table
from emitter.times import parse_instant, to_milliseconds

NOW = datetime(2026, 3, 18, 12, 0, 5, tzinfo=UTC)
WEDNESDAY = to_milliseconds(datetime(2026, 3, 18, tzinfo=UTC))


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither the machine's environment nor somebody's `.env` has a say."""
    monkeypatch.chdir(tmp_path)
    for name in EmitterSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def make_batch(name: str, size: int = 100) -> Batch:
    return Batch(name, 1, name.encode().ljust(size, b"."))


def drain(spool: Spool) -> list[str]:
    number, ids = 0, []
    while spooled := spool.after(number):
        number = spooled.number
        ids.append(spooled.batch.id)
    return ids


# Profiles


def test_a_profile_gives_the_same_readings_at_any_slicing() -> None:
    profile = Profile(7, "press 1")
    whole = list(profile.between(WEDNESDAY, WEDNESDAY + 6 * HOUR, 10_000))
    edges = [WEDNESDAY, WEDNESDAY + 1, WEDNESDAY + 59_999, WEDNESDAY + HOUR + 7, WEDNESDAY + 6 * HOUR]
    sliced = [reading for start, end in itertools.pairwise(edges) for reading in profile.between(start, end, 10_000)]
    assert sliced == whole
    assert Profile(7, "press 1").at(WEDNESDAY + 30_000) == profile.at(WEDNESDAY + 30_000)


def test_a_profile_never_changes_without_its_version() -> None:
    reading = Profile(0, "sample").at(WEDNESDAY + 10 * HOUR)
    assert reading is not None
    assert (reading.plan, reading.fact) == (45, 35), "raise profiles.VERSION"


def test_seed_and_series_make_other_profiles() -> None:
    histories = {
        tuple(reading.fact for reading in Profile(seed, series).between(WEDNESDAY, WEDNESDAY + HOUR, 10_000))
        for seed, series in ((1, "a"), (2, "a"), (1, "b"))
    }
    assert len(histories) == 3


def test_a_profile_looks_like_a_day_at_work() -> None:
    readings = list(Profile(3, "line").between(WEDNESDAY, WEDNESDAY + DAY, MINUTE))
    plans = [reading.plan or 0 for reading in readings]
    facts = [reading.fact or 0 for reading in readings]
    assert all(plan % 5 == 0 and plan > 0 for plan in plans)
    assert min(facts) >= 0
    assert 0.8 < sum(facts) / sum(plans) < 1.05
    assert any(fact < plan / 2 for plan, fact in zip(plans, facts, strict=True)), "no jam all day"
    assert len(readings) == 24 * 60 - 3 * 60, "an hour of breaks in each shift"


def test_the_last_two_hours_always_show_a_break() -> None:
    profile = Profile(0, "sample")
    for start in range(WEDNESDAY, WEDNESDAY + DAY, 20 * MINUTE):
        assert len(list(profile.between(start, start + 2 * HOUR, MINUTE))) < 120


# Fill


def batches_of(parcels: Iterator[Parcel]) -> dict[str, bytes]:
    """As they are sent where nothing was sent before."""
    sent = (batch for parcel in parcels for batch in ([parcel.whole] if parcel.whole else parcel.pieces()))
    return {batch.id: batch.payload for batch in sent}


def test_filling_again_makes_the_same_batches() -> None:
    span = Span(WEDNESDAY, WEDNESDAY + 4 * HOUR, 10_000)
    first, again = (batches_of(fill(span, ["a", "b", "a"], 5, 100)) for _ in range(2))
    assert first == again
    assert len(first) >= 2 * 4 * 360 // 100
    assert not first.keys() & batches_of(fill(span, ["a", "b"], 6, 100)).keys()


@settings(max_examples=30, deadline=None)
@given(*([st.integers(0, 40)] * 4), st.sampled_from([2_000, 7_000, 10_000, 90_000]), st.sampled_from([3, 100, 1000]))
def test_spans_that_overlap_share_their_parcels_and_pieces(
    start: int, end: int, other_start: int, other_end: int, every: int, size: int
) -> None:
    """A reading is in the same parcel and the same piece, whatever else is filled with it."""

    def places(start: int, end: int) -> dict[str, tuple[str, str]]:
        span = Span(WEDNESDAY + start * MINUTE, WEDNESDAY + end * MINUTE, every)
        return {
            reading["ts"]: (parcel.id, piece.id)
            for parcel in fill(span, ["a"], 5, size)
            for piece in parcel.pieces()
            for reading in json.loads(piece.payload)["readings"]
        }

    first, other = places(start, end), places(other_start, other_end)
    assert all(first[ts] == other[ts] for ts in first.keys() & other.keys())


@pytest.mark.parametrize(("start", "end", "instants"), [(0, 100, 10), (1, 100, 9), (0, 101, 11), (5, 6, 0), (9, 3, 0)])
def test_a_span_counts_its_instants(start: int, end: int, instants: int) -> None:
    span = Span(start, end, 10)
    assert len(span) == instants
    if instants:
        assert sum(len(part) for part in span.slices(30)) == instants


# Readings on the wire


def test_an_envelope_is_what_the_contract_says() -> None:
    reading = Reading(ts=NOW, series="a", plan=40, fact=38.5, attributes={"shift": "früh", "n": 1})
    batch = envelope('id "1"', [encode(reading), encode(Reading(ts=NOW, series="b"))])
    assert json.loads(batch.payload) == {
        "id": 'id "1"',
        "readings": [
            {"ts": "2026-03-18T12:00:05Z", "series": "a", "plan": 40, "fact": 38.5, "shift": "früh", "n": 1},
            {"ts": "2026-03-18T12:00:05Z", "series": "b"},
        ],
    }
    assert batch.readings == 2


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        ('{"ack":"x","written":2}', Written("x", 2)),
        ('{"ack":"x","duplicate":true}', Duplicate("x")),
        ('{"hello":1}', None),
        ("[]", None),
        ("nonsense", None),
    ],
)
def test_answers_are_told_apart(message: str, answer: object) -> None:
    assert read_answer(message) == answer


def test_a_refusal_says_what_and_where() -> None:
    answer = read_answer(
        '{"error":{"type":"about:blank","title":"Bad","status":422,"detail":"1 reading was refused.",'
        '"errors":[{"index":3,"field":"fact","detail":"must be a finite number"}]},"id":null}'
    )
    assert isinstance(answer, Refusal)
    assert answer.id is None
    assert str(answer.problem) == "422: 1 reading was refused (reading 4 fact: must be a finite number)"


# Spool


def test_a_spool_keeps_order_and_content_over_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "spool.sqlite"
    with Spool(path, 10_000) as spool:
        for name in "abc":
            spool.put(make_batch(name))
        first = spool.after(0)
        assert first is not None
        spool.forget(first)
    with Spool(path, 10_000) as spool:
        assert drain(spool) == ["b", "c"]
        assert (spool.batches, spool.readings, spool.bytes) == (2, 2, 200)
        spooled = spool.after(0)
        assert spooled is not None
        assert spooled.batch == make_batch("b")


def test_a_full_spool_refuses_and_has_room_again(tmp_path: Path) -> None:
    with Spool(tmp_path / "spool.sqlite", 250) as spool:
        spool.put(make_batch("a"))
        spool.put(make_batch("b"))
        with pytest.raises(SpoolFull, match=r"spool\.sqlite is full: 200 of 250 bytes"):
            spool.put(make_batch("c"))
        first = spool.after(0)
        assert first is not None
        spool.forget(first)
        spool.put(make_batch("c"))
        assert drain(spool) == ["b", "c"]


def test_an_empty_spool_takes_a_batch_of_any_size() -> None:
    with Spool(None, 10) as spool:
        spool.put(make_batch("large", 1000))
        assert not spool.has_room(1)


def test_the_same_batch_is_spooled_once() -> None:
    with Spool(None, 10_000) as spool:
        spool.put(make_batch("a"))
        spool.put(make_batch("a"))
        assert (spool.batches, spool.bytes) == (1, 100)


def test_refused_batches_are_kept_aside(tmp_path: Path) -> None:
    path = tmp_path / "spool.sqlite"
    with Spool(path, 10_000) as spool:
        spool.put(make_batch("a"))
        spool.put(make_batch("b"))
        first = spool.after(0)
        assert first is not None
        spool.refuse(first, "422: no")
        assert drain(spool) == ["b"]
        assert spool.refused() == [("a", "422: no")]
    with Spool(path, 10_000) as spool:
        assert spool.refused() == [("a", "422: no")]


def test_a_number_is_never_given_twice() -> None:
    with Spool(None, 10_000) as spool:
        spool.put(make_batch("a"))
        first = spool.after(0)
        assert first is not None
        spool.forget(first)
        spool.put(make_batch("b"))
        second = spool.after(first.number)
        assert second is not None
        assert second.batch.id == "b"


def test_one_emitter_at_a_time_has_a_spool(tmp_path: Path) -> None:
    path = tmp_path / "spool.sqlite"
    with Spool(path, 1000), pytest.raises(SpoolError, match=rf"in use by process {os.getpid()}.*EMITTER_SPOOL"):
        Spool(path, 1000)
    Spool(path, 1000).close()


def test_a_spool_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("This is no database. " * 100)
    with pytest.raises(SpoolError, match=r"notes\.txt can't be used: file is not a database"):
        Spool(text, 1000)
    with pytest.raises(SpoolError, match=r"notes\.txt/spool can't be opened: File exists"):
        Spool(text / "spool", 1000)
    newer = tmp_path / "newer.sqlite"
    database = sqlite3.connect(newer)
    database.execute("pragma user_version = 99")
    database.close()
    with pytest.raises(SpoolError, match="newer version"):
        Spool(newer, 1000)


def test_what_was_put_survives_a_kill(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, sys; from emitter.spool import Spool; from emitter.readings import Batch\n"
        "spool = Spool(pathlib.Path(sys.argv[1]), 10**6)\n"
        "for number in range(5): spool.put(Batch(f'b{number}', 1, b'x'))\n"
        "os.kill(os.getpid(), 9)"
    )
    path = tmp_path / "spool.sqlite"
    done = subprocess.run([sys.executable, "-c", code, str(path)], cwd=Path(__file__).parents[2], check=False)
    assert done.returncode == -signal.SIGKILL
    with Spool(path, 10**6) as spool:
        assert drain(spool) == [f"b{number}" for number in range(5)]


# Tables


def read_table(text: str | bytes, layout: Layout | None = None) -> list[Row | BadRow]:
    raw = text if isinstance(text, bytes) else text.encode()
    return list(Table(io.BytesIO(raw), layout or Layout()).rows())


def read_good(text: str | bytes, layout: Layout | None = None) -> list[dict[str, object]]:
    rows = read_table(text, layout)
    assert not [row for row in rows if isinstance(row, BadRow)]
    return [msgspec.json.decode(row.reading) for row in rows if isinstance(row, Row)]


def test_columns_are_found_by_their_names() -> None:
    text = (
        "ts,series,plan,fact,operator,temp,code\n2026-01-31T15:05:00+01:00,a,40,38.5,Eva,21.5,007\n1769868300,b,,1,,,\n"
    )
    assert read_good(text) == [
        {
            "ts": "2026-01-31T14:05:00Z",
            "series": "a",
            "plan": 40,
            "fact": 38.5,
            "operator": "Eva",
            "temp": 21.5,
            "code": "007",
        },
        {"ts": "2026-01-31T14:05:00Z", "series": "b", "fact": 1},
    ]


def test_columns_are_named_by_options() -> None:
    layout = Layout(
        ts="Zeit",
        plan="Soll",
        fact="Ist",
        series="Linie",
        zone="Europe/Berlin",
        time_format="%d.%m.%Y %H:%M",
        delimiter=";",
        attributes=False,
    )
    text = '\ufeffZeit;Linie;Soll;Ist;plan\r\n31.07.2026 14:05;"Presse; 1";+40;.5;9\r\n'
    layout_then = msgspec.structs.replace(layout, time_format="%d.%m.%Y %H:%M")
    past = text.replace("2026", "2025")
    assert read_good(past, layout_then) == [
        {"ts": "2025-07-31T12:05:00Z", "series": "Presse; 1", "plan": 40, "fact": 0.5}
    ]


def test_a_column_that_would_pass_for_another_is_renamed() -> None:
    text = "ts,plan,fact,target\n1769868300,5,6,7\n"
    assert read_good(text, Layout(plan="target", series_name="x")) == [
        {"ts": "2026-01-31T14:05:00Z", "series": "x", "plan": 7, "fact": 6, "column_plan": 5}
    ]


def test_a_column_that_differs_in_case_is_asked_about() -> None:
    with pytest.raises(BadTable, match="no column 'plan', but 'Plan': if that is it, say --plan 'Plan'"):
        read_good("ts,Plan,fact\n1769868300,1,2\n")
    [row] = read_good("TS,Plan,fact,FACT\n1769868300,1,2,3\n", Layout(ts="TS", plan="Plan"))
    assert row == {"ts": "2026-01-31T14:05:00Z", "series": "default", "plan": 1, "fact": 2, "column_FACT": 3}


@pytest.mark.parametrize(
    "text", ["2026-01-31 14:05:00+00", "2026-01-31 19:35:00+05:30", "2026-01-31 14:58:28.5+00:53:28", "1769868300"]
)
def test_times_as_postgresql_writes_them(text: str) -> None:
    [row] = read_good(f"ts,fact\n{text},1\n,\n , \n")
    assert str(row["ts"]).startswith("2026-01-31T14:05:00")


def test_the_series_name_stands_in_where_the_column_is_empty() -> None:
    text = "ts,line,fact\n1769868300,a,1\n1769868301,,2\n"
    rows = read_good(text, Layout(series="line", series_name="rest"))
    assert [row["series"] for row in rows] == ["a", "rest"]
    assert [row["series"] for row in read_good("ts,fact\n1769868300,1\n")] == ["default"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("yesterday,1,2,x", "line 2, column ts: 'yesterday' isn't a time like 2026-01-31T14:05:00Z or 1769868300"),
        ("2026-01-31 14:05,1,2,x", "line 2, column ts: 2026-01-31 14:05:00 has no time zone: name it with --tz"),
        ("2999-01-01T00:00:00Z,1,2,x", "line 2, column ts: '2999-01-01T00:00:00Z' is in the future"),
        ("1969-12-31T23:59:59Z,1,2,x", "line 2, column ts: '1969-12-31T23:59:59Z' is before 1970"),
        ("-5,1,2,x", "line 2, column ts: '-5' is too small for epoch seconds"),
        ("46346.5,1,2,x", "line 2, column ts: '46346.5' is too small for epoch seconds (is it a spreadsheet's day?)"),
        ("1769868300,forty,2,x", "line 2, column plan: 'forty' isn't a finite number"),
        ("1769868300,1,nan,x", "line 2, column fact: 'nan' isn't a finite number"),
        ("1769868300,1,1e999,x", "line 2, column fact: '1e999' isn't a finite number"),
        ("1769868300,1,1_000,x", "line 2, column fact: '1_000' isn't a finite number"),
        ("1769868300,2", "line 2: 2 cells where the header has 4"),
        ("1769868300,1,2,a\0b", "line 2, column note: holds a NUL character"),
        ("1769868300,1,2," + 9000 * "x", "line 2: 9011 bytes of attributes; at most 8192 are allowed"),
        ("1769868300,1,2,\udcff", "line 2: isn't UTF-8"),
    ],
)
def test_a_bad_row_is_named_by_line_and_column(row: str, said: str) -> None:
    raw = f"ts,plan,fact,note\n{row}\n1769868300,1,1,good\n".encode(errors="surrogateescape")
    bad, good = read_table(raw)
    assert isinstance(bad, BadRow)
    assert str(bad).startswith(said)
    assert isinstance(good, Row)


def test_lines_are_counted_as_editors_do() -> None:
    text = 'ts,fact,note\n1769868300,1,"two\nlines"\n\n1769868301,bad,\n'
    assert [str(row) for row in read_table(text) if isinstance(row, BadRow)] == [
        "line 5, column fact: 'bad' isn't a finite number"
    ]


def test_an_hour_that_never_was_is_refused() -> None:
    layout = Layout(zone="Europe/Berlin")
    missing, first, second = read_table(
        "ts,fact\n2025-03-30T02:30:00,1\n2025-03-30T03:30:00,1\n2025-10-26T02:30:00,1\n", layout
    )
    assert isinstance(missing, BadRow)
    assert "doesn't exist in Europe/Berlin" in str(missing)
    assert isinstance(first, Row)
    assert isinstance(second, Row)
    assert first.moment == datetime(2025, 3, 30, 1, 30, tzinfo=UTC)
    assert second.moment == datetime(2025, 10, 26, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "layout", "said"),
    [
        ("", Layout(), "it is empty"),
        (
            "when,fact\n",
            Layout(ts="time"),
            "no column 'time': name the right one with --ts; the columns are when, fact",
        ),
        ("when,fact\n", Layout(), "no column 'ts': name the right one with --ts"),
        ("ts,fact\n", Layout(plan="goal"), "no column 'goal': name the right one with --plan"),
        ("ts,a,b\n", Layout(), "no column for plan or fact: name one with --plan or --fact"),
        ("ts,fact,fact\n", Layout(), "2 columns are called 'fact'"),
        ("ts,fact\n".encode("utf-16"), Layout(), "it is UTF-16"),
        (b"\x89PNG\r\n\x1a\n\0\0", Layout(), "it isn't a CSV file in UTF-8: save the table as CSV in UTF-8"),
        (b"PK\x03\x04\n", Layout(), "it isn't a CSV file in UTF-8"),
        ("Länge,fact\n".encode("latin-1"), Layout(), "it isn't a CSV file in UTF-8"),
        ("ts;fact\n", Layout(), "its header 'ts;fact' has only one column: use --delimiter ';'"),
        ("ts\tfact\n", Layout(), "its header 'ts\\tfact' has only one column: use --delimiter tab"),
        ("\n\nts|fact\n", Layout(delimiter=";"), "its header 'ts|fact' has only one column: use --delimiter '|'"),
        ("ts\n", Layout(), "no column for plan or fact"),
    ],
)
def test_a_header_that_does_not_fit_is_named(text: str | bytes, layout: Layout, said: str) -> None:
    with pytest.raises(BadTable) as caught:
        read_table(text, layout)
    assert str(caught.value).startswith(said)


def test_an_unclosed_quote_does_not_stop_the_rest() -> None:
    rows = read_table('ts,fact\n1,"' + 200_000 * "x" + "\n2,2\n")
    assert isinstance(rows[0], BadRow)
    assert str(rows[0]).startswith("line 2: ")


# Replay


def make_csv(rows: int) -> str:
    return "ts,fact\n" + "".join(f"{1_700_000_000 + number},{number}\n" for number in range(rows))


def replay(text: str, size: int = 10, *, strict: bool = False, layout: Layout | None = None) -> Replay:
    return Replay(Table(io.BytesIO(text.encode()), layout or Layout()), size, strict)


def test_replaying_again_makes_the_same_batches() -> None:
    text = make_csv(95)
    first, again = (batches_of(replay(text).parcels()) for _ in range(2))
    assert first == again
    assert len(first) == 9 + 5, "what isn't a whole batch travels row by row"
    other = batches_of(replay(text, layout=Layout(series_name="x")).parcels())
    assert not first.keys() & other.keys()


def test_a_file_that_grew_keeps_its_whole_batches() -> None:
    grown = batches_of(replay(make_csv(120)).parcels())
    assert len(batches_of(replay(make_csv(95)).parcels()).keys() & grown.keys()) == 9


def test_mending_a_row_leaves_the_other_batches_as_they_were() -> None:
    good = make_csv(50)
    broken = good.replace(",17\n", ",seventeen\n")
    reader = replay(broken)
    parcels = list(reader.parcels())
    assert (reader.good, reader.bad) == (49, 1)
    assert sum(parcel.weight for parcel in parcels) == len(broken)
    assert len(batches_of(iter(parcels)).keys() & batches_of(replay(good).parcels()).keys()) == 4


def test_strict_ends_at_the_first_bad_row() -> None:
    parcels = replay(make_csv(50).replace(",17\n", ",seventeen\n"), strict=True).parcels()
    assert next(parcels).whole is not None
    with pytest.raises(BadRow, match="line 19, column fact"):
        next(parcels)


def test_wide_rows_make_smaller_batches() -> None:
    wide = "ts,fact,note\n" + "".join(f"{10**9 + number},1,{'x' * 8000}\n" for number in range(200))
    payloads = list(batches_of(replay(wide, 1000).parcels()).values())
    assert len(payloads) > 5
    assert max(map(len, payloads)) < MAX_BATCH_BYTES + 10_000


# Times


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10s", 10),
        ("1m", 60),
        ("90min", 5400),
        ("2h", 7200),
        ("1d", 86400),
        ("1w", 604800),
        ("1h30m", 5400),
        ("250ms", 0.25),
        ("2.5", 2.5),
        ("PT10S", 10),
        ("P1DT2H3M4.5S", 93784.5),
        ("P2W", 1209600),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "soon", "10 parsecs", "h", "-5s", "P", "PT", "1h nonsense", "9" * 30])
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="'"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("now", NOW),
        ("now-2h", NOW - timedelta(hours=2)),
        ("-2h", NOW - timedelta(hours=2)),
        ("-1h30m", NOW - timedelta(hours=1.5)),
        ("now+90s", NOW + timedelta(seconds=90)),
        ("2026-01-31T14:05:00Z", datetime(2026, 1, 31, 14, 5, tzinfo=UTC)),
        ("2026-01-31 15:05:00+01:00", datetime(2026, 1, 31, 14, 5, tzinfo=UTC)),
        ("1769868300", datetime(2026, 1, 31, 14, 5, tzinfo=UTC)),
        ("1769868300.5", datetime(2026, 1, 31, 14, 5, 0, 500_000, tzinfo=UTC)),
        ("1769868300000", datetime(2026, 1, 31, 14, 5, tzinfo=UTC)),
        ("1769868300000000", datetime(2026, 1, 31, 14, 5, tzinfo=UTC)),
        ("1769868300000000000", datetime(2026, 1, 31, 14, 5, tzinfo=UTC)),
        ("-3600", datetime(1969, 12, 31, 23, tzinfo=UTC)),
    ],
)
def test_instants(text: str, moment: datetime) -> None:
    assert parse_instant(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-01-31T14:05:00", "now-", "now-soon", "-9999999d", "1e400"])
def test_no_instants(text: str) -> None:
    with pytest.raises(ValueError, match="'"):
        parse_instant(text, NOW)


async def count_ticks(interval: float, pause: float) -> int:
    number = 0
    async with asyncio.timeout(0.5):
        async for _ in ticks(interval):
            number += 1
            if number == 4:
                return number
            await asyncio.sleep(pause)
    return 0


def test_ticks_that_were_missed_are_left_out() -> None:
    assert asyncio.run(count_ticks(0.02, 0.05)) == 4


# Sources


def test_a_random_pair_for_each_series() -> None:
    readings = RandomSource().read(NOW, ["a", "b"])
    assert [reading.series for reading in readings] == ["a", "b"]
    assert all(reading.ts == NOW and 30 <= (reading.plan or 0) <= 50 for reading in readings)


def test_cpu_use_is_the_fact_and_its_slow_average_the_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    used = iter([0.0, 10.0, 90.0, 90.0])
    monkeypatch.setattr("emitter.sources.psutil.cpu_percent", lambda interval: next(used))
    source = CpuSource(60)
    assert source.read(NOW, ["cpu"]) == []
    pairs = [(reading.plan, reading.fact) for _ in range(3) for reading in source.read(NOW, ["cpu"])]
    assert pairs == [(10, 10), (10, 90), (17.6, 90)]


# Backoff


def test_waits_grow_and_begin_anew_after_a_success() -> None:
    backoff = Backoff()
    waits = [backoff.fail() for _ in range(20)]
    assert FIRST / 2 <= waits[0] <= FIRST
    assert all(LONGEST / 2 <= wait <= LONGEST for wait in waits[8:])
    assert len(set(waits[8:])) > 1
    backoff.succeed()
    assert backoff.fail() <= FIRST
    assert backoff.fail(asked=7) == 7


def test_patience_ends_after_failures_in_a_row() -> None:
    time = [100.0]
    backoff = Backoff(30, clock=lambda: time[0])
    backoff.fail()
    time[0] += 29
    assert not backoff.exhausted(0.5)
    assert backoff.exhausted(2)
    backoff.succeed()
    backoff.fail()
    assert not backoff.exhausted(2)


def test_retry_after_as_number_and_as_date() -> None:
    assert retry_after("7") == 7
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert retry_after(None) is retry_after("soon") is None


# Settings and command line


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
    ("name", "value", "said"),
    [
        ("EMITTER_URL", "localhost:8080", "EMITTER_URL: 'localhost:8080' isn't the address of a service"),
        ("EMITTER_URL", "ws://a:99999", "EMITTER_URL: 'ws://a:99999' has no usable host and port"),
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


def test_every_setting_is_described() -> None:
    assert all(field.description for field in EmitterSettings.model_fields.values())


def test_port_zero_needs_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_PORT", "0")
    with pytest.raises(BadSettings, match="EMITTER_URL"):
        _ = EmitterSettings.load().url


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["fill", "--every", "often"], 2, "'often' isn't a duration"),
        (["fill", "--from", "2026-01-01T00:00:00"], 2, "has no offset"),
        (["fill", "--from", "now", "--until", "-2h"], 2, "There is nothing to fill from"),
        (["fill", "--series", ""], 2, "'' has 0 characters; 1 to 200 are allowed"),
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
