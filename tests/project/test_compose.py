"""All settings in `.env` reach the containers of the compose file."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped,unused-ignore]
from pydantic_settings import BaseSettings

from emitter.settings import EmitterSettings
from service.settings import Settings, slips

ROOT = Path(__file__).parents[2]
FIXED = {
    "database_url",
    "database_url_file",
    "database_read_url",
    "database_read_url_file",
    "database_password",
    "database_password_file",
    "api_host",
    "api_port",
    "federate",
    "federate_keys",
    "federate_keys_file",
    "federate_read_key",
    "federate_read_key_file",
    "taktline_data",
    "taktline_cache",
    "alert_url_file",
    "alert_secret_file",
    "emitter_url",
    "emitter_token_file",
    "emitter_spool",
}
"""Settings for places inside of the containers; in `.env` they are for a service that runs outside of containers."""
WHO = [("migrate", Settings), ("service", Settings), ("emitter", EmitterSettings)]
PROBES = {
    "api_port": "9001",
    "tcp_port": "9123",
    "allowed_hosts": "taktline.example",
    "trusted_origins": "https://pages.example",
    "trusted_proxies": "10.0.0.0/8",
    "root_path": "/taktline",
    "cors_origins": "*",
    "frame_ancestors": "none",
}


def composed(environment: Mapping[str, str], name: str = "docker-compose.yml") -> dict[str, Any]:
    """A compose file with its variables filled in."""

    def variable(found: re.Match[str]) -> str:
        given, otherwise = environment.get(found[1], ""), found[3] or ""
        if found[2] == ":+":
            return otherwise if given else ""
        return given or otherwise

    def fill(value: Any) -> Any:
        match value:
            case dict():
                return {name: fill(part) for name, part in value.items()}
            case list():
                return [fill(part) for part in value]
            case str():
                return re.sub(r"\$\{([A-Z_]+)(?:(:[-+])([^}]*))?\}", variable, value)
            case _:
                return value

    made: dict[str, Any] = fill(yaml.load((ROOT / name).read_text(encoding="utf-8"), _Loader))
    return made


class _Loader(yaml.SafeLoader):  # type: ignore[misc,unused-ignore]
    """Knows the tag by which one compose file takes away what another one has."""


_Loader.add_constructor("!reset", lambda loader, node: "reset")


def replicated(environment: Mapping[str, str]) -> dict[str, Any]:
    """The compose file that is read after the other, for replicas."""
    return composed(environment, "docker-compose.replicas.yml")


def probes(settings: type[BaseSettings]) -> dict[str, str]:
    return {name.upper(): PROBES.get(name, f"<{name}>") for name in settings.model_fields}


@pytest.mark.parametrize(("container", "settings"), WHO, ids=[name for name, _ in WHO])
def test_every_setting_reaches_the_container(container: str, settings: type[BaseSettings]) -> None:
    given = probes(settings)
    got = composed(given)["services"][container]["environment"]
    names = [name for name in settings.model_fields if name not in FIXED]
    if "ALLOWED_HOSTS" in got:
        given["ALLOWED_HOSTS"] += " service"
    assert {name: got.get(name.upper()) for name in names} == {name: given[name.upper()] for name in names}


@pytest.mark.parametrize(("container", "settings"), WHO, ids=[name for name, _ in WHO])
def test_without_any_the_defaults_hold(
    container: str, settings: type[BaseSettings], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in composed({})["services"][container]["environment"].items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.delenv("DATABASE_PASSWORD_FILE", raising=False)  # it is in the container
    loaded = settings.load()  # type: ignore[attr-defined]
    for name, field in settings.model_fields.items():
        if name not in FIXED | {"chart_tz"}:
            assert getattr(loaded, name) == field.get_default(call_default_factory=True), name


def test_ports_are_published_where_env_says() -> None:
    assert composed({})["services"]["service"]["ports"] == ["8080:8080", "0:8082"]
    changed = composed({"API_PORT": "9001", "TCP_PORT": "9123"})["services"]["service"]
    assert changed["ports"] == ["9001:8080", "9123:8082"]
    assert changed["environment"]["API_PORT"] == 8080


@pytest.mark.parametrize(("given", "inside"), [("", "0"), ("0", "0"), ("9123", "8082"), ("8082", "8082")])
def test_the_service_listens_on_the_tcp_port_that_is_published(tmp_path: Path, given: str, inside: str) -> None:
    service = composed({"TCP_PORT": given})["services"]["service"]
    stub = tmp_path / "taktline"
    stub.write_text('#!/bin/sh\necho "$1 $TCP_PORT"\n')
    stub.chmod(0o755)
    command = [part.replace("$$", "$") for part in service["entrypoint"]]
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "TCP_PORT": str(service["environment"]["TCP_PORT"])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == f"run_server {inside}\n"


def test_nothing_but_the_service_is_open_to_other_machines() -> None:
    services = composed({})["services"]
    ports = {name: service.get("ports", []) for name, service in services.items() if name != "service"}
    assert ports.pop("database-ui") == ["127.0.0.1:8081:8080"]
    assert ports.pop("prometheus") == ["127.0.0.1:9090:9090"]
    assert ports.pop("grafana") == ["127.0.0.1:3000:3000"]
    assert not any(ports.values())


@pytest.mark.parametrize("name", [name for name, _ in WHO])
def test_what_is_ours_writes_to_its_volumes_and_tmp_alone(name: str) -> None:
    service = composed({})["services"][name]
    assert service["read_only"]
    assert service["tmpfs"] == ["/tmp"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_three_replicas_are_reached_through_nginx_alone() -> None:
    services = replicated({})["services"]
    assert services["service"]["ports"] == "reset"
    assert services["service"]["deploy"] == {"replicas": 3}
    assert services["nginx"]["ports"] == ["8080:80"]
    assert replicated({"API_PORT": "9001"})["services"]["nginx"]["ports"] == ["9001:80"]
    asked = services["emitter"]["environment"]["EMITTER_URL"].removeprefix("ws://").rstrip("/")
    named = replicated({"ALLOWED_HOSTS": "taktline.example"})["services"]["service"]["environment"]["ALLOWED_HOSTS"]
    assert asked in services
    assert named.split() == ["taktline.example", "service", asked]
    assert services["service"]["environment"]["TRUSTED_PROXIES"] == "*"
    [mounted] = services["nginx"]["volumes"]
    assert (ROOT / mounted.split(":")[0]).is_file()


def test_the_service_is_no_superuser_and_no_password_is_known() -> None:
    services = composed({})["services"]
    for name in ("migrate", "service"):
        environment = services[name]["environment"]
        assert environment["DATABASE_URL"] == "postgresql://taktline@database:5432/taktline"
        assert "superuser" not in str(services[name]["volumes"])
        loaded = Settings.load(database_url=environment["DATABASE_URL"], database_password="secret")
        assert loaded.database == "postgresql://taktline:secret@database:5432/taktline"
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    assert re.findall(r"PASSWORD:-([^}]*)\}", text) == ["", "", ""]


def test_passwords_are_made_once_unless_they_are_given(tmp_path: Path) -> None:
    files = [tmp_path / who / "password" for who in ("superuser", "service")]

    def make(**given: str) -> list[str]:
        command = [part.replace("$$", "$") for part in composed({})["services"]["passwords"]["entrypoint"]]
        command = [part.replace("/passwords/", f"{tmp_path}/") for part in command]
        environment = {"PATH": os.environ["PATH"], "POSTGRES_PASSWORD": "", "DATABASE_PASSWORD": "", **given}
        subprocess.run(command, env=environment, check=True)
        return [file.read_text().removesuffix("\n") for file in files]

    for file in files:
        file.parent.mkdir()
    first = make()
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{32}", one) for one in first)
    assert len(set(first)) == 2
    assert make() == first
    assert make(DATABASE_PASSWORD="it's $HOME/#\\n") == [first[0], "it's $HOME/#\\n"]


def test_every_variable_of_the_compose_files_is_in_the_example() -> None:
    files = [path.read_text(encoding="utf-8") for path in ROOT.glob("docker-compose*.yml")]
    used = set(re.findall(r"\$\{([A-Z_]+)", "".join(files)))
    listed = set(re.findall(r"^#([A-Z_]+)=", (ROOT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE))
    assert used <= listed


@pytest.mark.skipif(shutil.which("docker") is None, reason="no docker command here")
def test_docker_compose_reads_it_the_same_way(tmp_path: Path) -> None:
    """Docker Compose itself reads the file and `.env` here."""
    given = probes(Settings) | probes(EmitterSettings) | {"TIME_FORMAT": "%d.%m.%Y %H:%M"}
    (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in given.items()))
    command = ["docker", "compose", "-f", str(ROOT / "docker-compose.yml"), "--env-file", str(tmp_path / ".env")]
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    done = subprocess.run(
        [*command, "config", "--format", "json"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if done.returncode and ("compose" in done.stderr or "Run 'docker --help'" in done.stderr):
        pytest.skip("this docker command has no compose")
    assert done.returncode == 0, done.stderr
    read = json.loads(done.stdout)["services"]
    for container, _ in WHO:
        wanted = composed(given)["services"][container]["environment"]
        assert read[container]["environment"] == {name: str(value) for name, value in wanted.items()}
    assert {(port["published"], port["target"]) for port in read["service"]["ports"]} == {
        ("9001", 8080),
        ("9123", 8082),
    }


def test_no_variable_that_is_meant_so_counts_as_a_slip(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A name that is nearly a setting's is warned of: not those of the compose file, the emitter and others."""
    monkeypatch.chdir(tmp_path)
    compose = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("docker-compose*.yml"))
    named = {*re.findall(r"\$\{([A-Z_]+)", compose), *map(str.upper, EmitterSettings.model_fields)}
    for name in (*named, "TEST_DATABASE_URL", "BENCH_DATABASE_URL", "LANG", "OTEL_EXPORTER_OTLP_HEADERS"):
        monkeypatch.setenv(name, "1")
    assert slips() == {}
    (tmp_path / ".env").write_text("DATABASE_URI=postgresql://a/b\nAPI_PROT=1\n", encoding="utf-8")
    assert slips() == {"API_PROT": "API_PORT", "DATABASE_URI": "DATABASE_URL"}
