"""What GitHub and pre-commit read of the repository besides the workflows."""

import re
from pathlib import Path

import pytest
import yaml

from ablations.cli import main

ROOT = Path(__file__).parents[2]
TEMPLATES = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_an_issue_template_asks_by_commands_that_there_are(path):
    form = yaml.safe_load(path.read_text())
    assert form["name"] and form["description"]
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    assert len({field["id"] for field in fields}) == len(fields)
    assert all(field["attributes"]["label"] for field in fields)
    for name, option in re.findall(r"`m2f ([\w-]+)(?: (--[\w-]+))?", path.read_text()):
        assert not option or option in {each for parameter in main.commands[name].params for each in parameter.opts}


def test_who_reports_a_fault_is_asked_for_the_doctor():
    assert len(TEMPLATES) == 3
    asked = {path.stem for path in TEMPLATES if "m2f doctor --json" in path.read_text()}
    assert asked == {"fault", "number"}


def test_a_pull_request_is_asked_for_targets_that_there_are():
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    asked = re.findall(r"`make ([\w-]+)`", (ROOT / ".github" / "pull_request_template.md").read_text())
    assert asked and set(asked) <= targets


def test_before_a_commit_runs_what_make_lint_runs():
    rules = re.search(r"^lint: setup\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)[1]
    linted = {re.sub(r"--\S+|\s\.$", "", line).split("/")[1].strip() for line in rules.splitlines()}
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    assert {hook["entry"].removeprefix(".venv/bin/").split(" --")[0] for hook in hooks} == linted
    assert len(linted) == 4


def test_dependabot_looks_at_what_is_there():
    updates = yaml.safe_load((ROOT / ".github" / "dependabot.yml").read_text())["updates"]
    assert [update["package-ecosystem"] for update in updates] == ["pip", "github-actions"]
    assert all((ROOT / update["directory"].strip("/")).is_dir() for update in updates)
