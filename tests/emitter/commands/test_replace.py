"""`emitter replace`."""

import json
import time
from pathlib import Path

import pytest

from service.access.grants import Scope
from tests.conftest import Engine, settings_for
from tests.emitters import Emitters
from tests.harness import Running, free_port, running
from tests.keyrings import add_key, bearer

pytestmark = pytest.mark.anyio

START = int(time.time()) // 3600 * 3600 - 24 * 3600


async def readings(service: Running, name: str) -> list[tuple[float | None, float | None]]:
    lines = (await service.http.get("/readings", params={"series": name})).text.splitlines()
    return [(row.get("plan"), row.get("fact")) for row in map(json.loads, lines)]


async def test_a_revised_plan(shared: Running, emitters: Emitters, tmp_path: Path, name: str) -> None:
    saw, press = f"{name} saw", f"{name} press"
    body = [
        {"series": each, "ts": START + 60 * minute, "plan": 1, "fact": 2}
        for each in (saw, press)
        for minute in range(60)
    ]
    await shared.http.post("/readings", json=body)
    (tmp_path / "plan.csv").write_text(f"ts,series,plan,for\n{START},{saw},600,1h\n{START},{press},6,10m\n")
    command = ("replace", "plan.csv", "--field", "plan", "--url", shared.ws)
    status, output, log = await emitters.emit(*command, "--dry-run")
    assert (status, log) == (0, "")
    assert f"{saw}: 1 reading from " in output
    assert len(await readings(shared, saw)) == 60
    for went in (60, 60):  # again, which is no duplicate: another plan may have been there meanwhile
        status, output, log = await emitters.emit(*command)
        assert (status, log) == (0, "")
        assert output.startswith(f"{saw}: 1 reading in the place of {went}\n{press}: 1 reading in the place of ")
    found = await readings(shared, saw)
    assert sum(plan or 0 for plan, _ in found) == 600
    assert sum(fact or 0 for _, fact in found) == 120
    assert sum(plan or 0 for plan, _ in await readings(shared, press)) == 6
    status, output, _ = await emitters.emit(
        *command, "--series", press, "--from", str(START), "--until", str(START + 60)
    )
    assert status == 1


async def test_what_is_refused_is_said(engine: Engine, schema: str, emitters: Emitters, tmp_path: Path) -> None:
    async with running(settings_for(engine, schema)) as service:
        writer = await add_key(service, "writer", Scope.WRITE)
        corrector = await add_key(service, "corrector", Scope.CORRECT, series=("hall 1/*",))
        reader = await add_key(service, "reader", Scope.READ)
        (tmp_path / "plan.csv").write_text(f"ts,series,plan\n{START},hall 1/saw,1\n")
        command = ("replace", "plan.csv", "--url", service.ws)
        for key, status, said in ((writer, 77, "has not the scope correct"), ("tk_wrong", 77, ""), (corrector, 0, "")):
            found = await emitters.emit(*command, EMITTER_TOKEN=key)
            assert found[0] == status, found
            assert said in found[2]
        lines = (await service.http.get("/readings", headers=bearer(reader))).text.splitlines()
        assert len(lines) == 1
        found = await emitters.emit(*command, "--until", str(START), "--from", str(START + 1), EMITTER_TOKEN=corrector)
        assert (found[0], "would end before it begins" in found[2]) == (1, True)


async def test_a_key_with_the_line_end_of_windows(
    engine: Engine, schema: str, emitters: Emitters, tmp_path: Path
) -> None:
    async with running(settings_for(engine, schema)) as service:
        corrector = await add_key(service, "corrector", Scope.CORRECT)
        (tmp_path / "plan.csv").write_text(f"ts,series,plan\n{START},saw,1\n")
        command = ("replace", "plan.csv", "--url", service.ws)
        status, output, _ = await emitters.emit(*command, EMITTER_TOKEN=f"{corrector}\r")
        assert (status, "1 reading" in output) == (0, True)
        status, _, log = await emitters.emit(*command, EMITTER_TOKEN="tk_sécret")
        assert (status, log) == (1, "Error: EMITTER_TOKEN has characters that no key has.\n")


async def test_a_service_that_is_away(emitters: Emitters, tmp_path: Path) -> None:
    (tmp_path / "plan.csv").write_text(f"ts,plan\n{START},1\n")
    url = f"ws://127.0.0.1:{free_port()}/"
    status, _, log = await emitters.emit("replace", "plan.csv", "--url", url, "--wait", "0")
    assert (status, "doesn't answer" in log) == (1, True)
