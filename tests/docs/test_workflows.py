"""The workflows for GitHub are YAML that GitHub takes, and what they run is there."""

import re
import shlex
from pathlib import Path

import click
import pytest
import yaml

from ablations.cli import main

ROOT = Path(__file__).parents[2]
WORKFLOWS = [*sorted((ROOT / ".github" / "workflows").glob("*.yml")), ROOT / "docs" / "examples" / "gate.yml"]


@pytest.fixture(params=WORKFLOWS, ids=lambda path: path.name)
def workflow(request):
    return yaml.safe_load(request.param.read_text())


def steps(workflow):
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_a_workflow_has_what_github_asks_for(workflow):
    assert workflow["name"]
    assert workflow[True]  # YAML's word for `on`
    for job in workflow["jobs"].values():
        assert job["runs-on"] == "ubuntu-latest"
        assert job["timeout-minutes"] <= 120
    for step in steps(workflow):
        assert ("run" in step) != ("uses" in step)
        assert re.fullmatch(r"[\w-]+/[\w-]+@(release/)?v\d+", step.get("uses", "a/b@v1"))


def test_a_workflow_runs_commands_that_there_are(workflow):
    """Each `m2f` command, with options that it has; each script, with the right to be run."""
    lines = [line for step in steps(workflow) for line in step.get("run", "").splitlines()]
    if workflow["name"] == "Pages":
        assert {"make docs", "make report OUT=build/docs/report"} == set(lines)
    else:
        assert any("m2f check" in line or line == ".ci/run" for line in lines)
    for line in lines:
        words = shlex.split(line)
        if words[0] == "m2f":
            require_command(words[1:])
        elif "/" in words[0]:
            assert (ROOT / words[0]).stat().st_mode & 0o111


def test_ci_sweeps_and_checks_the_same_store():
    lines = (ROOT / ".ci" / "run").read_text().replace("\\\n", " ").splitlines()
    commands = [shlex.split(line)[1:] for line in lines if line.startswith(".venv/bin/m2f")]
    assert [command[0] for command in commands] == ["selftest", "run", "check"]
    for command in commands:
        require_command(command)
    for command in commands[1:]:
        assert command[command.index("--store") + 1] == "build/smoke"
    baseline = commands[2][commands[2].index("--baseline") + 1]
    assert (ROOT / baseline).is_file()
    assert "rm -rf build/smoke" in lines  # before the sweep, or code that has changed would not be run


def require_command(words):
    command = main.commands[words[0]]
    assert isinstance(command, click.Command)
    known = {name for parameter in command.params for name in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known
