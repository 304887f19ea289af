"""CSV files as people have them."""

import io
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from emitter.data.cells import Layout
from emitter.data.table import Row, Table
from emitter.errors import BadRow, BadTable


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


def test_a_plan_may_lie_ahead_and_stand_for_a_span() -> None:
    soon = (datetime.now(UTC).replace(microsecond=0) + timedelta(days=30)).isoformat()
    text = f"ts,plan,fact,for\n{soon},480,,8h\n{soon},480,1,\n2026-01-31T14:05:00Z,60,,3600\n"
    plan, fact, past = read_table(text, Layout(attributes=False))
    assert isinstance(plan, Row)
    assert msgspec.json.decode(plan.reading)["for"] == "8h"
    assert isinstance(fact, BadRow)
    assert isinstance(past, Row)
    wanted = {"ts": "2026-01-31T14:05:00Z", "series": "default", "plan": 60, "for": "3600"}
    assert msgspec.json.decode(past.reading) == wanted


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
        ('1769868300,"1,5",2,x', "line 2, column plan: '1,5' isn't a number with a decimal point"),
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
