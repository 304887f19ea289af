"""Messages are good English: one reading is singular, and a sentence ends with one full stop."""

import re

import click
import pytest
from click.testing import CliRunner

from bench.load.__main__ import run_load
from emitter.__main__ import commands
from emitter.commands.words import as_sentence, counted, readings
from emitter.producer.answers import Fault, Problem
from service.__main__ import main
from service.errors import EngineError, StartError


def test_a_sentence_ends_once() -> None:
    assert [as_sentence(text) for text in ("No", "No.", "Why?")] == ["No.", "No.", "Why?"]


def test_one_is_one() -> None:
    assert [counted(number, "row", "rows") for number in (0, 1, 2000)] == ["0 rows", "1 row", "2,000 rows"]
    assert readings(1, "refused") == "1 reading was refused"
    assert readings(12, "refused") == "12 readings were refused"


def test_a_problem_fits_into_a_sentence() -> None:
    """The text that quotes it adds the full stop."""
    assert str(Problem(503, detail="Too much waits to be written; try again.")) == (
        "503: Too much waits to be written; try again"
    )
    fault = Fault(1, "plan", "must be a number")
    assert str(Problem(422, detail="1 reading was refused.", errors=[fault])) == (
        "422: 1 reading was refused (reading 2 plan: must be a number)"
    )


@pytest.mark.parametrize("kind", [StartError, EngineError])
@pytest.mark.parametrize("detail", ["npm can't fetch it: not found", "npm can't fetch it: not found."])
def test_what_keeps_from_starting_ends_in_one_full_stop(kind: type[StartError], detail: str) -> None:
    assert kind(detail).detail == "npm can't fetch it: not found."


@pytest.mark.parametrize("command", [commands, *commands.commands.values(), run_load], ids=lambda each: each.name)
def test_the_help_of_the_emitter_is_in_sentences(command: click.Command) -> None:
    assert re.fullmatch(r"[A-Z].*\.", (command.help or "").strip(), re.DOTALL)
    for option in command.params:
        if isinstance(option, click.Option) and not option.hidden and option.name not in ("version", "help"):
            text = (option.help or "").split("  [")[0].split(" [env")[0]
            assert text.endswith("."), option.name
    assert "Traceback" not in CliRunner().invoke(command, ["--help"]).output


@pytest.mark.parametrize("name", ["", *main.commands])
def test_the_help_of_the_service_is_in_sentences(name: str) -> None:
    command = main.commands[name] if name else main
    assert re.fullmatch(r"[A-Z].*\.", (command.help or "").strip(), re.DOTALL)
