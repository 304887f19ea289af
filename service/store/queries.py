"""Reads the SQL of `sql/`, a folder of this package in an installed wheel, and at the top of the repository otherwise.

SQL that several statements share, or that differs between the editions, is kept in `sql/queries/parts/`:
service/store/exact_buckets.py fills it in.
"""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from service.errors import StartError
from service.store.exact_buckets import SIZES, fill_in, statement

Edition = Literal["community", "apache"]

READ_TIMEOUT = 30.0
"""Seconds that a query for a page or a chart may take."""

_ORDERS = {True: {"beyond": "<", "order": "desc"}, False: {"beyond": ">", "order": "asc"}}
"""What is filled in to read the newest readings first, and the oldest first."""

QUERIES = (
    "alerts",
    "all_keys",
    "announce_kept",
    "announce_rollups_kept",
    "announce_slices",
    "any_between",
    "any_keys",
    "any_late_between",
    "any_readings",
    "applied_functions",
    "applied_migrations",
    "begin_alert",
    "begin_correcting",
    "begin_writing",
    "behind",
    "awaited_standbys",
    "blockers",
    "buckets",
    "buckets_from_totals",
    "chunks_before",
    "chunks_of_days",
    "claim_batch",
    "claim_job",
    "claim_message",
    "clear_field",
    "clear_late",
    "committed",
    "compress_after",
    "compress_directly",
    "compress_whole_days",
    "correct_alone",
    "corrections",
    "count_at_instant",
    "count_between",
    "count_series",
    "count_some",
    "create_ledger",
    "create_ledger_of_functions",
    "create_schema",
    "days_with_readings",
    "drop_chunks",
    "drop_messages",
    "drop_slices",
    "end_alert",
    "end_frozen",
    "end_job",
    "examined_lag",
    "examined_readings",
    "examined_server",
    "examined_sizes",
    "examined_standby",
    "examined_writers",
    "existing_series",
    "exported",
    "find_batches",
    "first_series",
    "forget_batches",
    "forget_committers",
    "forget_noted",
    "gone_before",
    "insert_batches",
    "insert_correction",
    "insert_key",
    "insert_noted",
    "insert_series",
    "install_extension",
    "installation",
    "jobs",
    "kept",
    "know_jobs",
    "late_runs",
    "late_since",
    "late_slices",
    "late_windows",
    "lead",
    "limit_locks",
    "limit_statements",
    "live_keys",
    "lock_alone",
    "lock_schema",
    "log_position",
    "make_chunks",
    "make_secret",
    "make_slices",
    "mark_corrected",
    "mark_late",
    "missing",
    "newest_fact",
    "newest_fact_day",
    "newest_of_series",
    "note_refreshed",
    "note_series",
    "note_used_keys",
    "notes",
    "occupants",
    "pace",
    "ping",
    "place",
    "pooler",
    "primary",
    "range_tag",
    "readings",
    "record_functions",
    "record_migration",
    "refresh_at_once",
    "refresh_rollup",
    "refresh_windows",
    "refreshable",
    "refreshing",
    "remove_readings",
    "retire_key",
    "revoke_key",
    "rollups_to_drop",
    "run_job",
    "running_totals",
    "secret",
    "series",
    "series_are_noted",
    "series_matching",
    "series_of_numbers",
    "series_readings",
    "server",
    "settle_message",
    "silence",
    "sliced",
    "snapshot",
    "spread",
    "standbys",
    "stay_leader",
    "totals",
    "unnoted_series",
    "unsliced",
    "upto",
    "vacuum_slices",
    "watermark_lag",
    "writers",
    "parts/fresh",
    "parts/materialised.community",
    "parts/materialised_on_days.community",
    "parts/of_days_and_smaller.apache",
    "parts/of_days_and_smaller.community",
    "parts/of_increases",
    "parts/of_one_size",
    "parts/slices",
)
"""Every file of `sql/queries`. With this list the service notices at its start where a file is missing."""

_ONLY_FOR = re.compile(r"^(.*\S) +-- for ([a-z, ]+)\n", re.MULTILINE)
"""A line that is there for some aggregates alone."""
_OF = re.compile(r"^( *):part of (.+)$", re.MULTILINE)
"""A line that stands for the buckets of a chart."""
_OF_INCREASES = re.compile(r"^( *):of_increases$", re.MULTILINE)
"""A line that stands for what counters have risen by."""
_NAME = re.compile(r"(?<!:):([a-z_]+)")


def sql_folder() -> Path:
    """The folder with `schema/`, `functions/` and `queries/`."""
    shipped = Path(__file__).parents[1] / "sql"
    return shipped if shipped.is_dir() else Path(__file__).parents[2] / "sql"


@cache
def read_queries() -> Mapping[str, str]:
    """The text of every file of `sql/queries` by its name; StartError names the one that can't be read."""
    texts = {}
    for name in QUERIES:
        path = sql_folder() / "queries" / f"{name}.sql"
        try:
            texts[name] = path.read_text(encoding="utf-8")
        except OSError as exc:
            raise StartError(f"{path}, a part of Taktline, can't be read: {exc.strerror}. Install it again.") from exc
    return texts


@cache
def query(
    name: str,
    size: str | None = None,
    *,
    with_days: bool = False,
    agg: str | None = None,
    down: bool | None = None,
    edition: Edition = "community",
) -> str:
    """The statement in `sql/queries/<name>.sql`. `size` is that of its buckets, for files that leave it open: minute,
    quarter, hour or day. `with_days`: it reads buckets of days, and those of `size` only where a step begins within a
    day. `agg`: what it computes, for files with lines for some aggregates alone. `down`: the newest readings come
    first, for files that leave the order open."""
    files = read_queries()
    text = _ONLY_FOR.sub(lambda line: line[1] + "\n" if agg in line[2].split(", ") else "", files[name])
    text = _OF_INCREASES.sub(lambda found: _indented(statement(files["parts/of_increases"]), found[1]), text)
    if size is not None:
        shape = statement(files[f"parts/of_days_and_smaller.{edition}" if with_days else "parts/of_one_size"])
        text = _OF.sub(lambda found: _indented(shape.replace(":columns", found[2]), found[1]), text)
        text = text.replace(":size", size).replace(":width", SIZES[size].width).replace(":rollup", SIZES[size].rollup)
    if down is not None:
        text = _NAME.sub(lambda found: _ORDERS[down].get(found[1], found[0]), text)
    return fill_in(text, files, edition)


def without_comments(text: str) -> str:
    """The statement without the lines of its comments: COPY takes no parameters, so that the driver writes their values
    into the text, in comments as well, where a line of a value could end the comment."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.lstrip().startswith("--"))


def _indented(text: str, indent: str) -> str:
    return "\n".join(f"{indent}{line}" for line in text.splitlines())
