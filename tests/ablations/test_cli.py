import csv
import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from ablations.cli import main
from ablations.paper import RESULTS_CSV
from ablations.store import open_store, write_done, write_sweep

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


def test_list_names_rows_as_the_paper_does():
    rows = json.loads(call("list", "--json").output)
    assert all(
        {"table", "variant", "method", "backbone", "overrides", "provenance", "reason"} == set(row) for row in rows
    )
    with RESULTS_CSV.open() as file:
        paper = {(row["table"], row["variant"], row["method"], row["backbone"]) for row in csv.DictReader(file)}
    assert {(row["table"], row["variant"], row["method"], row["backbone"]) for row in rows} <= paper
    assert [row["variant"] for row in rows if row["table"] == "4c"] == [
        "cross-attention",
        "SMCA",
        "mask pooling",
        "masked attention",
    ]


def test_list_for_people():
    output = call("list").output
    assert "4c  Cross-attention (Mask2Former, R50; panoptic, instance, semantic)" in output
    assert "masked attention [exact, baseline]" in output
    assert "model.transformer_decoder.cross_attention.type = 'SMCA'" in output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["4x"], "Unknown table '4x'; known: 4c"),
        (["4c", "--scale", "minni"], "Unknown scale 'minni' (did you mean 'mini'?); known: smoke, mini, paper."),
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
