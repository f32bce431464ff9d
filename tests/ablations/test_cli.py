import csv
import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from ablations.cli import main
from ablations.paper import RESULTS_CSV
from ablations.store.run_record import write_done
from ablations.store.runs import open_store, write_sweep
from ablations.studies import STUDIES

HEAVY = ("torch", "mmengine", "mmdet", "pandas", "matplotlib", "numpy", "rich")


def call(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def complain(*arguments):
    """The one sentence on stderr of a call that is bad input."""
    result = call(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("Error: ").rstrip("\n")


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["list", "--json"], ["run", "--help"], ["data", "--help"]])
def test_quick_commands_import_nothing_heavy(arguments):
    code = (
        "import sys\nfrom ablations.cli import main\n"
        f"try:\n    main({arguments!r})\nfinally:\n"
        f"    print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0
    assert result.stderr.strip() == "[]"


def test_every_command_has_help():
    for command in ("list", "run", "status", "report", "doctor", "data", "data scenes", "data verify"):
        result = call(*command.split(), "--help")
        assert result.exit_code == 0
        assert f"main {command}" in result.output


def rows_of(table, rows):
    return {(row["variant"], row["method"], row["backbone"]) for row in rows if row["table"] == table}


def test_list_holds_the_papers_rows():
    """All of Mask2Former and MaskFormer in these tables, by the same names; in nearly all, nothing else."""
    rows = json.loads(call("list", "--json").output)
    with RESULTS_CSV.open() as file:
        paper = [row for row in csv.DictReader(file) if row["method"] in ("Mask2Former", "MaskFormer")]
    for table in ("4a", "4b", "4c", "4d", "4e", "5", "XIa", "XIb", "XIIc", "XIId", "Ib"):
        assert rows_of(table, paper) == rows_of(table, rows), table


def test_list_as_json_tells_what_a_row_is():
    rows = {(row["table"], row["variant"]): row for row in json.loads(call("list", "--json").output)}
    queries, longer = rows["XIa", "50 queries"], rows["figIV", "100 epochs, LSJ"]
    assert queries.pop("reason").endswith(".")
    assert queries.pop("note").endswith(".")
    assert queries == {
        "table": "XIa",
        "variant": "50 queries",
        "method": "Mask2Former",
        "backbone": "R50",
        "overrides": {"model.transformer_decoder.queries.num_queries": {"times": 0.5}},
        "provenance": "exact",
    }
    assert longer["overrides"]["train_cfg"] == {"setting": "schedules.100_epochs.train_cfg"}


def test_list_for_people():
    lines = call("list").output.splitlines()
    start = lines.index("4c  Cross-attention (panoptic, instance, semantic)")
    assert lines[start + 1 : start + 4] == [
        "    cross-attention (Mask2Former, R50) [exact]",
        "        Equation (1): masked attention without its mask.",
        "        model.transformer_decoder.cross_attention.type = 'CrossAttention'",
    ]
    assert "    masked attention (Mask2Former, R50) [exact, baseline]" in lines
    assert "    MaskFormer training params (MaskFormer, R50) [inferred, baseline]" in lines
    assert "        model.transformer_decoder.queries.num_queries = Times(factor=0.5)" in lines


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


def test_a_users_row_is_listed_and_planned(own_module, tmp_path, monkeypatch):
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
def test_a_module_that_is_not_there(tmp_path, monkeypatch, command, name):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    sentence = complain(*command, "--import", name)
    assert sentence.startswith(f"There is no module '{name}' in {tmp_path}")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["4x"], "Unknown table '4x'; known: 4a, 4b, 4c, "),
        (
            ["4c", "--scale", "minni"],
            "Unknown scale 'minni' (did you mean 'mini'?); known: smoke, mini, paper, or ",
        ),
        (["4c", "--tasks", "panoptic,depth"], "Unknown task 'depth'; known: panoptic, instance, semantic."),
        (["4c", "--seeds", "0,x"], "--seeds must be whole numbers separated by commas, such as 0,1,2, not '0,x'."),
        (["4c", "--override", "seeds"], "The override 'seeds' is not KEY=VALUE"),
        (
            ["4c", "--override", "model.transformer_decoder.cros_attention.type=SMCA"],
            "'model.transformer_decoder' has no 'cros_attention' (did you mean 'cross_attention'?)",
        ),
    ],
)
def test_bad_words_are_answered_and_nothing_is_written(tmp_path, arguments, sentence):
    store = tmp_path / "store"
    assert sentence in complain("run", *arguments, "--store", store, "--data", tmp_path / "data")
    assert list(tmp_path.iterdir()) == []


def test_missing_data_directory(tmp_path):
    data = tmp_path / "nowhere"
    sentence = complain(
        "run", "4c", "--scale", "paper", "--tasks", "panoptic", "--data", data, "--store", tmp_path / "s"
    )
    assert str(data) in sentence
    assert "--data" in sentence


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_store_that_is_not_writable(tmp_path, place):
    (tmp_path / "file").write_text("mine")
    sentence = complain("run", "4c", "--scale", "mini", "--data", tmp_path / "data", "--store", tmp_path / place)
    assert f"The store {tmp_path / place} is not writable" in sentence
    assert (tmp_path / "file").read_text() == "mine"
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("command", [["status"], ["status", "--json"], ["report", "--out", "report"]])
def test_store_that_is_not_there(tmp_path, command):
    assert "There is no store at" in complain(*command, "--store", tmp_path / "nowhere")


def test_report_of_an_unknown_table(tmp_path):
    assert "Unknown table '9'" in complain("report", "9", "--store", tmp_path, "--out", tmp_path)


def test_status_as_json(tmp_path, plan, run_directories):
    write_sweep(open_store(tmp_path / "store"), plan())
    write_done(run_directories()[0], {"PQ": 51.9})
    result = call("status", "--store", tmp_path / "store", "--json")
    assert result.exit_code == 0
    assert [run["state"] for run in json.loads(result.output)] == ["done", "planned"]
    assert (
        "1 done, 0 running, 0 failed, 0 interrupted, 1 planned" in call("status", "--store", tmp_path / "store").output
    )


def test_scenes_are_generated_and_verified(tmp_path):
    root = tmp_path / "scenes"
    arguments = ["data", "scenes", "--out", root, "--split-sizes", "train2017=2,val2017=1", "--image-size", 64]
    assert call(*arguments).exit_code == 0
    assert len(list(root.glob("train2017/*.png"))) == 2
    result = call("data", "verify", root)
    assert (result.exit_code, result.output) == (0, f"{root} is whole.\n")


@pytest.mark.parametrize("sizes", ["train2017", "train2017=x", "=3", "train2017=0", ""])
def test_bad_split_sizes(tmp_path, sizes):
    sentence = complain("data", "scenes", "--out", tmp_path / "scenes", "--split-sizes", sizes)
    assert sentence.startswith("--split-sizes must be NAME=N,...")
    assert list(tmp_path.iterdir()) == []


def test_verify_finds_damage_and_a_missing_directory(tmp_path):
    root = tmp_path / "scenes"
    call("data", "scenes", "--out", root, "--split-sizes", "train2017=1,val2017=1", "--image-size", 64)
    annotations = root / "annotations" / "panoptic_val2017.json"
    annotations.write_text(annotations.read_text()[:100])
    (root / "train2017" / "000000000001.png").write_text("not a picture")
    result = call("data", "verify", root)
    assert result.exit_code == 2
    assert f"{root} has" in result.stderr
    assert str(annotations) in result.output
    assert "000000000001.png" in result.output
    assert "does not exist" in complain("data", "verify", tmp_path / "nowhere")


def test_doctor(tmp_path):
    result = call("doctor", "--store", tmp_path, "--data", tmp_path)
    assert result.exit_code == 0
    assert "compiled ops" in result.output
