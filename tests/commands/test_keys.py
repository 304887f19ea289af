"""`taktline keys` and `taktline share`, as people and scripts use them."""

import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from chaos import service_process
from service.__main__ import main
from service.access.grants import Scope
from service.access.keys import digest_of
from tests.conftest import Engine
from tests.harness import Running, free_port
from tests.keyrings import add_key
from tests.processes import start, taktline

pytestmark = pytest.mark.anyio


async def keys(*arguments: str, **environment: str) -> tuple[int, str, str]:
    return await taktline("keys", *arguments, **environment)


async def test_a_key_from_beginning_to_end(fresh: Running, engine: Engine, schema: str) -> None:
    there = {"DATABASE_URL": engine.url, "DATABASE_SCHEMA": schema, "CHART_TZ": "Europe/Berlin"}
    options = ("--scope", "write", "--scope", "read", "--series", "line *", "--rate", "1000", "--expires", "90d")
    status, key, said = await keys("add", "hall 2", *options, **there)
    assert (status, key.count("\n")) == (0, 1)
    assert said.startswith("The key 'hall 2' is made, in postgresql://")
    assert f", schema {schema}.\nIt isn't shown again: keep it now." in said
    assert "It is the first" in said
    assert key.strip() not in said
    [live] = await fresh.parts.store.keys.live()
    assert live.digest == digest_of(key.strip())
    assert live.grant.scopes == {Scope.WRITE, Scope.READ}

    status, nothing, said = await keys("add", "hall 2", "--scope", "read", **there)
    assert (status, nothing) == (1, "")
    assert said == "taktline: There is a key 'hall 2' already. Revoke it first, or choose another name.\n"

    status, table, _ = await keys("list", **there)
    head, row, foot = table.splitlines()
    assert head.split() == ["NAME", "SCOPES", "SERIES", "RATE", "MADE", "EXPIRES", "USED"]
    assert row.startswith("hall 2  read write  line *  1000/s  20")
    assert row.endswith("never")
    assert foot == "1 in all; times in Europe/Berlin."
    assert digest_of(key.strip()).hex() not in table

    status, nothing, said = await keys("revoke", "hall 2", **there)
    assert (status, nothing, said) == (0, "", "The key 'hall 2' is revoked.\n")
    assert await fresh.parts.store.keys.live() == ()
    status, _, said = await keys("revoke", "hall 2", **there)
    assert (status, said) == (1, "taktline: There is no key 'hall 2'; there is none at all.\n")
    status, listed, _ = await keys("list", "--json", "--all", **there)
    [one] = json.loads(listed)
    assert (one["name"], one["scopes"], one["series"], one["rate"]) == ("hall 2", ["read", "write"], ["line *"], 1000)
    assert one["revoked"]


async def test_beside_a_service_on_the_embedded_engine_and_without_one(tmp_path: Path) -> None:
    """The engine's folder is locked by its owner, and its port and password are known to nobody else."""
    data, port = tmp_path / "data", free_port()
    there = {"TAKTLINE_DATA": str(data)}
    process = await start(API_PORT=str(port), **there)
    try:
        await service_process.until_ready(f"http://127.0.0.1:{port}", 100)
        status, _, said = await keys("add", "hall 2", "--scope", "read", **there)
        assert status == 0, said
        assert said.startswith(f"The key 'hall 2' is made, in the embedded engine in {data}, schema taktline.")
        address = data / "engine.address"
        assert stat.S_IMODE(address.stat().st_mode) == 0o600
        assert (await keys("list", **there))[1].splitlines()[1].startswith("hall 2  read")
    finally:
        process.terminate()
        await process.communicate()
    assert process.returncode == 0
    assert not address.exists()
    address.write_text("postgresql://postgres:x@127.0.0.1:9/postgres")  # of an owner that was killed
    assert (await keys("revoke", "hall 2", **there))[0] == 0
    assert not address.exists()


@pytest.mark.parametrize("arguments", [("keys", "add", "a", "--scope", "admin"), ("keys", "list"), ("doctor",)])
async def test_no_database_is_made_for_a_command(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """A key in a new database would close nothing: the service that was meant has another folder."""
    data = tmp_path / "data"
    status, key, said = await taktline(*arguments, TAKTLINE_DATA=str(data))
    assert (status, key) == (2 if arguments == ("doctor",) else 1, "")
    assert said.startswith(f"taktline: There is no Taktline in the folder {data}. TAKTLINE_DATA names that of one")
    assert not data.exists()


async def test_no_schema_is_made_for_a_key(engine: Engine, schema: str) -> None:
    there = {"DATABASE_URL": engine.url, "DATABASE_SCHEMA": schema}
    for arguments in (("keys", "add", "a", "--scope", "admin"), ("share", "/chart", "--key", "a")):
        status, key, said = await taktline(*arguments, **there)
        assert (status, key) == (1, "")
        assert said.startswith(f"taktline: There is no Taktline in the schema {schema} of postgresql://")
    assert (await taktline("migrate", **there))[0] == 0
    assert (await keys("add", "a", "--scope", "admin", **there))[0] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["add", "a"], "Missing option '--scope'"),
        (["add", "a", "--scope", "root"], "'root' is not one of 'read', 'write', 'correct', 'admin'"),
        (["add", " a", "--scope", "read"], "a name has 1 to 100 characters that can be seen"),
        (["add", "a\x1b[1m", "--scope", "read"], "a name has 1 to 100 characters that can be seen"),
        (["add", "a", "--scope", "read", "--rate", "0"], "it must be more than 0 readings a second."),
        (["add", "a", "--scope", "read", "--rate", "nan"], "it must be more than 0 readings a second."),
        (["add", "a", "--scope", "read", "--expires", "soon"], "'soon' isn't a duration; write it like 10s"),
        (["add", "a", "--scope", "read", "--expires", "0"], "'0' is less than a second"),
        (["add", "a", "--scope", "read", "--series", ""], "a pattern has 1 to 200 characters"),
    ],
)
def test_what_a_key_cannot_be(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(main, ["keys", *arguments])
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())


async def test_a_chart_is_shared(fresh: Running, engine: Engine, schema: str) -> None:
    there = {"DATABASE_URL": engine.url, "DATABASE_SCHEMA": schema}
    await add_key(fresh, "wall", Scope.READ)
    address = f"{fresh.url}/chart?format=json&from=-8h"
    status, printed, said = await taktline("share", address, "--key", "wall", "--expires", "1h", **there)
    assert (status, said) == (0, "")
    assert printed.startswith(f"{address}&expires=")
    assert (await fresh.http.get(printed.strip())).status_code == 200
    assert (await fresh.http.get(printed.strip().replace("-8h", "-9h"))).status_code == 403
    query = "/chart?format=json&from=-8h"
    for public, printed_there in (("", query), (fresh.url, address), (f"{fresh.url}/", address)):
        status, printed, said = await taktline("share", query, "--key", "wall", PUBLIC_URL=public, **there)
        assert (status, "PUBLIC_URL isn't set" in said) == (0, not public)
        assert printed.startswith(f"{printed_there}&expires=")
    assert (await fresh.http.get(printed.strip())).status_code == 200
    status, _, said = await taktline("share", printed.strip(), "--key", "wall", **there)
    assert (status, said.startswith("taktline: 'by' isn't a parameter here")) == (1, True)
    status, _, said = await taktline("share", address, "--key", "floor", **there)
    assert (status, said) == (1, "taktline: There is no key 'floor' that may be used now.\n")


async def test_a_link_that_would_open_nothing_is_not_made(fresh: Running, engine: Engine, schema: str) -> None:
    there = {"DATABASE_URL": engine.url, "DATABASE_SCHEMA": schema}
    await add_key(fresh, "sensor", Scope.WRITE)
    await add_key(fresh, "wall", Scope.READ, series=("hall 2/*",))
    for key, query, why in (
        ("sensor", "", "The key 'sensor' has not the scope read, so a link by it would open nothing."),
        ("wall", "?series=hall+2/a&series=desk", "series: 'desk' isn't among those that this key may see."),
    ):
        status, printed, said = await taktline("share", f"{fresh.url}/chart{query}", "--key", key, **there)
        assert (status, printed, said) == (1, "", f"taktline: {why}\n")


async def test_a_link_that_would_open_an_error_is_refused_in_the_same_words(
    fresh: Running, engine: Engine, schema: str
) -> None:
    """With the sentences that the service answers to whoever asks for the same, and may see all."""
    there = {"DATABASE_URL": engine.url, "DATABASE_SCHEMA": schema, "CHART_TZ": "UTC"}
    await add_key(fresh, "wall", Scope.READ)
    key = {"Authorization": f"Bearer {await add_key(fresh, 'all', Scope.READ)}"}
    for query in (
        "from=nonsense",
        "from=nonsense&step=2m&theme=pink",
        "colour=red",
        "from=-8h&from=-9h",
        "from=-1h&until=-2h",
        "shift=early",
        "excel=true",
        "agg=increase&from=-90d",
        "&" * 1000,
    ):
        status, printed, said = await taktline("share", f"{fresh.url}/chart?{query}", "--key", "wall", **there)
        answer = await fresh.http.get(
            f"/chart?{query}", headers={**key, "Accept": "application/problem+json, */*;q=0.1"}
        )
        assert (status, printed) == (1, "")
        assert (answer.status_code, said) == (400, f"taktline: {answer.json()['detail']}\n")


async def test_a_shift_of_the_settings_can_be_shared(fresh: Running, engine: Engine, schema: str) -> None:
    there = {"DATABASE_URL": engine.url, "DATABASE_SCHEMA": schema, "SHIFTS": "early 06:00-14:00"}
    await add_key(fresh, "wall", Scope.READ)
    status, _, said = await taktline("share", f"{fresh.url}/chart?shift=early", "--key", "wall", **there)
    assert (status, said) == (0, "")


async def test_a_chart_is_where_the_settings_have_the_service(fresh: Running, engine: Engine, schema: str) -> None:
    there = {"DATABASE_URL": engine.url, "DATABASE_SCHEMA": schema}
    await add_key(fresh, "wall", Scope.READ)
    home = "https://taktline.example"
    for address, settings, path in (
        (f"{home}/chart", {}, None),
        (f"{home}/plan/chart", {}, "/plan/chart"),
        (f"{home}/plan/chart", {"ROOT_PATH": "/plan"}, None),
        (f"{home}/plan/chart", {"PUBLIC_URL": f"{home}/plan/"}, None),
        ("/plan/chart", {}, "/plan/chart"),
        ("/chart", {"PUBLIC_URL": f"{home}/plan", "ROOT_PATH": "/plan"}, None),
        ("/plan/chart", {"PUBLIC_URL": f"{home}/plan", "ROOT_PATH": "/plan"}, "/plan/plan/chart"),
    ):
        status, printed, said = await taktline("share", address, "--key", "wall", **there, **settings)
        assert (status, bool(printed)) == ((1, False) if path else (0, True))
        assert said.startswith(f"taktline: There is nothing at {path}. A prefix before /chart") if path else not said


async def test_a_chart_is_shared_under_a_name_of_the_service(fresh: Running, engine: Engine, schema: str) -> None:
    """One that it would answer with 421 isn't; of that of PUBLIC_URL only the proxy knows."""
    there = {"DATABASE_URL": engine.url, "DATABASE_SCHEMA": schema}
    await add_key(fresh, "wall", Scope.READ)
    named, loopback = {"ALLOWED_HOSTS": "taktline.example"}, {"API_HOST": "127.0.0.1"}
    here, other = "https://taktline.example", "https://other.example"
    for address, settings, begun, told in (
        (f"{here}/chart", named, here, ""),
        (f"{other}/chart", named, "", "With these settings nothing is served as 'other.example'"),
        (f"{other}/chart", loopback, "", "With these settings nothing is served as 'other.example'"),
        ("http://localhost:8080/chart", loopback, "http://localhost:8080", ""),
        (f"{other}/chart", {}, other, ""),
        ("http://a^b/chart", {}, "", "'a^b' isn't a host"),
        ("/chart", named | {"PUBLIC_URL": here}, here, ""),
        ("/chart", {"PUBLIC_URL": here, "ROOT_PATH": "/tt"}, here, f"Is {here}/tt meant?"),
        ("/tt/chart", {"PUBLIC_URL": here, "ROOT_PATH": "/tt"}, f"{here}/tt", ""),
        ("/chart", {"PUBLIC_URL": f"{here}/tt", "ROOT_PATH": "/tt"}, f"{here}/tt", ""),
        ("/chart", loopback | {"PUBLIC_URL": here}, here, "ALLOWED_HOSTS doesn't name 'taktline.example'"),
    ):
        status, printed, said = await taktline("share", address, "--key", "wall", **there, **settings)
        assert (status, printed.startswith(f"{begun}/chart?")) == ((0, True) if begun else (1, False))
        assert told in said if told else not said


async def test_a_link_is_as_long_as_the_service_takes(fresh: Running, engine: Engine, schema: str) -> None:
    there = {"DATABASE_URL": engine.url, "DATABASE_SCHEMA": schema}
    await add_key(fresh, "wall", Scope.READ, series=("я*",))
    for series in (51, 52, 60):
        query = "&".join(f"series={'я' * 198}{number:02}" for number in range(series))
        address = f"{fresh.url}/chart?format=json&{query}"
        status, printed, said = await taktline("share", address, "--key", "wall", **there)
        if series == 51:
            assert (status, said) == (0, "")
            assert (await fresh.http.get(printed.strip())).status_code == 200
        else:
            assert (status, printed) == (1, "")
            assert "bytes long after its host, and the service takes at most 61,440." in said


@pytest.mark.parametrize(
    "address", ["https://taktline.example/display", "taktline.example/chart?from=-8h", "localhost:8080/chart"]
)
def test_only_charts_are_shared(address: str) -> None:
    result = CliRunner().invoke(main, ["share", address, "--key", "wall"])
    assert result.exit_code == 2
    assert "only charts can be shared" in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("//evil/chart", "only charts can be shared"),
        ("///chart", "only charts can be shared"),
        ("http://localhost:99999/chart", "'http://localhost:99999' isn't an address; write it like"),
        ("http://u:p@localhost/chart", "an address that is told to others has no user and no password"),
        ("http://:80/chart", "must begin with http:// or https:// and a host"),
        ("http://[::1/chart", "'http://[::1/chart' isn't an address."),
        ("/chart?title=\udcff", "the address has bytes that aren't UTF-8."),  # what \xff is as an argument
    ],
)
def test_an_address_that_others_cannot_open_is_not_shared(address: str, said: str) -> None:
    result = CliRunner().invoke(main, ["share", address, "--key", "wall"])
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())
