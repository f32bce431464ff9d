"""Every command that a document gives is one that there is: read by m2f's own parser, and not run."""

import re
import shlex
from functools import cache
from pathlib import Path

import click
import pytest

from ablations.choice import choose
from ablations.cli import main
from ablations.commands.options import chosen_seeds
from ablations.planning.overrides import apply_overrides, parse_override
from ablations.planning.plan import read_config_file
from ablations.planning.scales import CONFIGS, SCALES, TASKS
from ablations.running.executors import EXECUTORS
from ablations.studies import STUDIES

ROOT = Path(__file__).parents[2]


def check(line):
    """Fail unless m2f takes the line: its command, options, arguments, tables, tasks, scale and overrides."""
    command, values = parsed(shlex.split(line)[1:])
    for parameter in command.params:
        value = values.get(parameter.name)
        assert value or not (isinstance(parameter, click.Argument) and parameter.required), f"{line}: an argument lacks"
        if value is not None and isinstance(parameter.type, click.Choice | click.IntRange):
            parameter.type.convert(value, parameter, None)
    if "--import" in line:
        return  # tables of a module that the reader writes
    for table in values.get("tables") or [word for word in values.get("words") or () if not is_source(word)]:
        choose(table, STUDIES, "table")
    if command.name == "run":
        check_sweep(**values)


def is_source(word):
    """Whether a word of `m2f report` names a place."""
    return "/" in word or word.startswith(("runs", "results", "reference"))


def parsed(words):
    """The command that the words call, and its parameters by name, unconverted."""
    command, context = main, click.Context(main)
    while isinstance(command, click.Group):
        name, *words = words
        assert name in command.commands, f"there is no command '{name}'"
        command = command.commands[name]
        context = click.Context(command, context)
    values, rest, _ = command.make_parser(context).parse_args(words)
    assert not rest
    return command, {name: value for name, value in values.items() if isinstance(value, str | list | tuple)}


def check_sweep(scale="mini", executor="local", seeds="0", tasks="panoptic", overrides=(), **_):
    choose(executor, EXECUTORS, "executor")
    chosen_seeds(seeds)
    for task in tasks.split(","):
        # A folder of the reader's own is written by the document, whose page has a test.
        known = "mini" if "parts" in scale or scale == "DIR" else choose(scale, SCALES, "scale")
        config = baseline(known, choose(task, TASKS, "task"))
        apply_overrides(config, dict(map(parse_override, overrides)))


@cache
def baseline(scale, task):
    return read_config_file(CONFIGS / f"{scale}/{task}.py").config


def test_m2f_takes_the_commands(document, commands):
    for line in commands(document):
        if line.startswith("m2f "):
            check(line)


def test_make_has_the_targets(document, commands):
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {line.split()[1] for line in commands(document) if line.startswith("make ")}
    assert named | set(re.findall(r"`make ([\w-]+)[^`]*`", document.read_text())) <= targets


def test_scripts_are_there(document):
    for script in re.findall(r"\bscripts/\w+\.(?:py|sh)\b", document.read_text()):
        assert (ROOT / script).is_file()


@pytest.mark.parametrize(
    "line",
    [
        "m2f trian 4c",
        "m2f run 4z",
        "m2f run 4c --sacle mini",
        "m2f run",
        "m2f run 4c --tasks depth",
        "m2f run 4c --override model.decoder=1",
        "m2f check somewhere",
        "m2f data verify",
        "m2f convert a b --to onnx",
    ],
)
def test_a_wrong_command_is_seen(line):
    with pytest.raises((AssertionError, ValueError, click.UsageError)):
        check(line)


def leaves(group):
    """All commands that are no groups."""
    for command in group.commands.values():
        yield from leaves(command) if isinstance(command, click.Group) else [command]


def test_every_command_answers_a_question():
    rows = [line for line in (ROOT / "docs" / "which-command.md").read_text().splitlines() if line.startswith("| ")]
    answers = [answer for row in rows for answer in re.findall(r"`(m2f [^`]+)`", row) if "DIR" not in answer]
    for answer in answers:
        check(answer)
    assert {parsed(shlex.split(answer)[1:])[0].name for answer in answers} == {command.name for command in leaves(main)}
