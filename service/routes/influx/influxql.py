"""Answers the InfluxQL statements that clients of InfluxDB 1 send before they write, like an InfluxDB that has just the
database that they name, with nothing in it. Statements that would read, change or delete data are refused, because an
empty result would be taken for the truth. The language is defined in
https://docs.influxdata.com/influxdb/v1/query_language/spec/; the shape of the results is that of version 1.6.
"""

import re
from typing import Any

from service.errors import BadRequest

MAX_QUERY = 10_000
"""The most characters of a query; those that clients send before they write have a few dozen."""
STATEMENTS = ("ALTER", "CREATE", "DELETE", "DROP", "EXPLAIN", "GRANT", "KILL", "REVOKE", "SELECT", "SET", "SHOW")
"""The words that a statement may begin with."""

_NAME = r"""("(?:[^"\\]|\\.)+"|[^\s"';]+)"""
# A string without an end goes to the end of the text: otherwise it would be looked for again from each of its quotes.
_STATEMENT = re.compile(r"""(?:[^;"']|"(?:[^"\\]|\\.?)*(?:"|\Z)|'(?:[^'\\]|\\.?)*(?:'|\Z))+""", re.DOTALL)
_POLICIES = {"columns": ["name", "duration", "shardGroupDuration", "replicaN", "default"]}
_AUTOGEN = ["autogen", "0s", "168h0m0s", 1, True]
"""The retention policy that InfluxDB creates with every database."""


def answer(query: str, database: str | None) -> dict[str, Any]:
    """The JSON that InfluxDB would answer. A statement that isn't supported gets an error as its result, and ends the
    list of results. Raises BadRequest where the query isn't InfluxQL."""
    if len(query) > MAX_QUERY:
        raise BadRequest(f"error parsing query: it is longer than {MAX_QUERY:,} characters")
    statements = [one for part in _STATEMENT.findall(query) if (one := part.strip())]
    for one in statements:
        word = one.split()[0]
        if word.upper() not in STATEMENTS:
            raise BadRequest(f"error parsing query: found {word[:50]}, expected {', '.join(STATEMENTS)}")
    if not statements:
        raise BadRequest('missing required parameter "q"')
    results: list[dict[str, Any]] = []
    for number, one in enumerate(statements):
        results.append({"statement_id": number, **_result(one, database)})
        if "error" in results[-1]:
            break
    return {"results": results}


def _result(statement: str, database: str | None) -> dict[str, Any]:
    if _is(rf"create database {_NAME}( .*)?|(create|alter) retention policy {_NAME} on {_NAME}( .*)?", statement):
        return {}
    if _is("show databases", statement):
        return _series({"name": "databases", "columns": ["name"]}, [database] if database else None)
    if _is(f"show retention policies( on {_NAME})?", statement):
        return _series(_POLICIES, _AUTOGEN)
    if _is("show (measurements|series|tag keys|tag values|field keys|subscriptions)( .*)?", statement):
        return {}
    if _is("show users", statement):
        return _series({"columns": ["user", "admin"]})
    if _is("show continuous queries", statement):
        return _series({"name": database, "columns": ["name", "query"]}) if database else {}
    shown = " ".join(statement.split())[:50]
    return {"error": f"{shown} isn't answered here; read the readings from /readings and /chart"}


def _is(pattern: str, statement: str) -> bool:
    spaced = pattern.replace(" ", r"\s+")
    return re.fullmatch(spaced, statement, re.IGNORECASE | re.DOTALL) is not None


def _series(series: dict[str, Any], row: list[Any] | None = None) -> dict[str, Any]:
    return {"series": [series if row is None else {**series, "values": [row]}]}
