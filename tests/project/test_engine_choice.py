"""Choosing the database of the tests leaves no open sockets behind."""

import gc
import socket
import warnings
from pathlib import Path

import pytest

from tests.conftest import docker_answers


@pytest.mark.parametrize("listened", [False, True], ids=["no socket", "a socket that nobody serves"])
def test_a_docker_that_is_not_there_leaves_no_socket_open(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, listened: bool
) -> None:
    path = tmp_path / "docker.sock"
    if listened:
        with socket.socket(socket.AF_UNIX) as gone:
            gone.bind(str(path))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        assert not docker_answers()
        gc.collect()
    assert [str(warning.message) for warning in seen] == []
