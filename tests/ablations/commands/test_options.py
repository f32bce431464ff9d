"""What several commands have in common: modules of one's own, and a store that has to be there."""

import json
import re
import sys

import pytest
from click.testing import CliRunner

from ablations.cli import main
from ablations.studies import STUDIES


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    """A user's module in the current directory, gone again when the test ends."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for table, study in STUDIES.items():
        monkeypatch.setitem(STUDIES, table, study)
    line = 'add_row("4c", Variation("mine", {"model.transformer_decoder.num_layers": 1}, reason="Mine."))'
    (tmp_path / "mine_in_4c.py").write_text(f"from ablations import Variation, add_row\n\n{line}\n")
    yield "mine_in_4c"
    sys.modules.pop("mine_in_4c", None)


def test_a_users_row_is_listed_and_planned(call, own_module, tmp_path, monkeypatch):
    rows = json.loads(call("list", "--import", own_module, "--json").output)
    (mine,) = [row for row in rows if row["variant"] == "mine"]
    assert (mine["table"], mine["provenance"], mine["reason"]) == ("4c", "own", "Mine.")

    plans = []
    monkeypatch.setattr("ablations.running.sweep.carry_out", lambda plan, *rest: plans.append(plan) or {})
    result = call("run", "4c", "--import", own_module, "--tasks", "semantic", "--scale", "smoke")
    assert result.exit_code == 0
    assert f"Next: m2f report 4c --import {own_module} --store runs --out report" in result.output
    (plan,) = plans
    own = [cell for cell in plan.cells if "custom_imports" in cell.run.config]
    assert [cell.variant for cell in own] == ["mine"]
    assert own[0].run.config["custom_imports"]["imports"] == [own_module]


@pytest.mark.parametrize("command", [["list"], ["run", "4c"], ["report", "4c", "--out", "report"]])
@pytest.mark.parametrize("name", ["nowhere", "nowhere.py", "nowhere.inside", "json.nowhere"])
def test_a_module_that_is_not_there(complain, tmp_path, monkeypatch, command, name):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    sentence = complain(*command, "--import", name)
    assert sentence.startswith(f"There is no module '{name}' in {tmp_path}")


@pytest.mark.parametrize("command", [["status"], ["status", "--json"], ["report", "--out", "report"]])
def test_store_that_is_not_there(complain, tmp_path, command):
    assert re.match(r"There is no store (or packed store )?at", complain(*command, "--store", tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["status", "--store", "A", "--store", "B"], "--store is given twice; give it once."),
        (["run", "4c", "--scale", "mini", "--scale", "smoke"], "--scale is given twice"),
        (["bench", "peers", "--sizes", "64", "--sizes", "128"], "--sizes is given twice"),
        (["status", "--store", "a" * 300], "this is no path"),
        (["status", "--store", "a/" * 3000], "this is no path"),
        (["status", "--store", "a\0b"], "this is no path"),
        (["run", "4c", "--seeds", "4294967296"], "--seeds must be at most 4294967295"),
        (["list", "--import", ""], "--import wants a module's name"),
    ],
)
def test_options_that_are_refused(arguments, sentence):
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert sentence in result.output
    assert result.output.count("Error") == 1


def test_options_that_may_be_given_several_times():
    result = CliRunner().invoke(main, ["list", "--import", "json", "--import", "csv"])
    assert result.exit_code == 0
