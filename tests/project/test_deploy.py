"""The unit for systemd and the manifests for Kubernetes fit the service: its settings, addresses, times and limits."""

import re
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped,unused-ignore]

from service.quantities import parse_duration
from service.settings import Settings

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "deploy/systemd/taktline.service"
KUBERNETES = ROOT / "deploy/kubernetes"
DEFAULTS = {name: field.get_default(call_default_factory=True) for name, field in Settings.model_fields.items()}
LABELS = {"app.kubernetes.io/name": "taktline", "app.kubernetes.io/component": "service"}


def lines_of(path: Path) -> dict[str, str]:
    """The assignments in a file of systemd; of several with one name, all, with blanks between them."""
    found: dict[str, str] = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE):
        found[name] = f"{found[name]} {value}" if name in found else value
    return found


def manifest(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((KUBERNETES / f"{name}.yaml").read_text(encoding="utf-8"))
    return loaded


def pod(name: str) -> dict[str, Any]:
    spec: dict[str, Any] = manifest(name)["spec"]["template"]["spec"]
    return spec


def mebibytes(size: str) -> int:
    return int(size.removesuffix("Mi"))


def loaded(given: dict[str, str], monkeypatch: pytest.MonkeyPatch, folder: Path) -> Settings:
    """The settings that these variables make, all of which have to be settings."""
    assert {name.lower() for name in given} <= set(Settings.model_fields)
    monkeypatch.chdir(folder)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    return Settings.load()


def test_the_unit_hands_over_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given = lines_of(UNIT.with_name("taktline.env"))
    own = dict(one.split("=", 1) for one in lines_of(UNIT)["Environment"].split())
    password = tmp_path / "database-password"
    password.write_text("secret\n")
    assert own.pop("DATABASE_PASSWORD_FILE") == f"%d/{password.name}"
    assert own.pop("HOME") == own["TAKTLINE_DATA"]
    settings = loaded(given | own | {"DATABASE_PASSWORD_FILE": str(password)}, monkeypatch, tmp_path)
    assert settings.database == "postgresql://taktline:secret@127.0.0.1:5432/taktline"


def test_the_unit_leaves_time_and_files() -> None:
    lines = lines_of(UNIT)
    assert parse_duration(lines["TimeoutStopSec"]) > DEFAULTS["shutdown_grace"]
    assert int(lines["LimitNOFILE"]) > DEFAULTS["max_connections"]
    assert lines["StateDirectory"] == lines["CacheDirectory"] == "taktline"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
def test_systemd_reads_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text(encoding="utf-8").replace("/opt/taktline/bin/taktline", "/bin/true"))
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    about_it = [line for line in done.stderr.splitlines() if "taktline" in line]
    assert about_it == []


def test_manifests_are_used_once() -> None:
    resources = manifest("kustomization")["resources"]
    there = {path.name for path in KUBERNETES.glob("*.yaml")}
    assert there - set(resources) == {"kustomization.yaml", "migrate.yaml"}
    assert set(resources) < there


def test_pods_get_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given = manifest("settings")["data"]
    assert all(isinstance(value, str) for value in given.values())
    password = tmp_path / "password"
    password.write_text("secret\n")
    for name in ("deployment", "migrate"):
        [mounted] = [one for one in pod(name)["containers"][0]["volumeMounts"] if one["name"] == "password"]
        assert given["DATABASE_PASSWORD_FILE"] == f"{mounted['mountPath']}/password"
    settings = loaded(given | {"DATABASE_PASSWORD_FILE": str(password)}, monkeypatch, tmp_path)
    assert settings.database == "postgresql://taktline:secret@timescaledb.database:5432/taktline"


def test_probes_ask_what_they_should() -> None:
    [container] = pod("deployment")["containers"]
    assert container["startupProbe"]["httpGet"]["path"] == container["livenessProbe"]["httpGet"]["path"] == "/livez"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["ports"] == [{"name": "http", "containerPort": DEFAULTS["api_port"]}]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["port"] == "http"
    start = container["startupProbe"]
    assert start["periodSeconds"] * start["failureThreshold"] >= 60


def test_a_pod_has_time_to_stop_and_memory() -> None:
    spec = pod("deployment")
    [container] = spec["containers"]
    before = timedelta(seconds=int(container["lifecycle"]["preStop"]["exec"]["command"][1]))
    grace = parse_duration(manifest("settings")["data"]["SHUTDOWN_GRACE"])
    assert timedelta(seconds=spec["terminationGracePeriodSeconds"]) > before + grace
    assert mebibytes(container["resources"]["limits"]["memory"]) * 2**20 > 2 * DEFAULTS["memory_limit"]


@pytest.mark.parametrize("name", ["deployment", "migrate"])
def test_pods_are_confined(name: str) -> None:
    spec = pod(name)
    user = re.search(r"^USER (\d+):(\d+)$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert user
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert [str(spec["securityContext"][who]) for who in ("runAsUser", "runAsGroup")] == [user[1], user[2]]
    [container] = spec["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_all_speak_of_the_same_pods() -> None:
    deployment = manifest("deployment")["spec"]
    assert deployment["template"]["metadata"]["labels"] == LABELS
    assert deployment["selector"]["matchLabels"] == LABELS
    assert manifest("service")["spec"]["selector"] == LABELS
    assert manifest("disruption-budget")["spec"]["selector"]["matchLabels"] == LABELS
    assert manifest("network-policy")["spec"]["podSelector"]["matchLabels"] == LABELS
    assert manifest("migrate")["metadata"]["labels"]["app.kubernetes.io/component"] != "service"
    [rule] = manifest("ingress")["spec"]["rules"]
    backend = rule["http"]["paths"][0]["backend"]["service"]
    assert backend == {"name": manifest("service")["metadata"]["name"], "port": {"name": "http"}}
    assert deployment["replicas"] > manifest("disruption-budget")["spec"]["maxUnavailable"]
