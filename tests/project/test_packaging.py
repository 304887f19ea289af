"""The wheel contains everything that the service and the emitter need."""

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_wheel_holds_code_sql_pages_and_engine(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    wanted = {path for path in tracked if path.startswith(("service/", "emitter/"))}
    wanted |= {f"service/{path}" for path in tracked if path.startswith("sql/")}
    assert wanted - inside == set()
    assert {path.split("/")[0] for path in inside} == {
        "service",
        "emitter",
        wheel.name.replace("-py3-none-any.whl", ".dist-info"),
    }
    assert not [path for path in inside if "node_modules" in path or "__pycache__" in path]
    assert "service/engine/package-lock.json" in inside or not tracked
