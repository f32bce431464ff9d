import json

import pytest

from ablations.store.record_writing import add_facts, write_running
from ablations.store.results_frame import read_results
from ablations.store.run_record import RunRecord
from ablations.store.runs import run_directory
from m2f.errors import InputError

METRICS = {"PQ": 40.0, "fg_avg": 0.5}


def leave(directory, cell):
    """Leave all that a training leaves."""
    write_running(directory)
    add_facts(directory, environment={"processor": "A processor", "threads": 1}, git={"commit": None, "dirty": None})
    (directory / "timing.json").write_text(json.dumps({"seconds": {"train": 3.0, "total": 4.0}}))
    (directory / "history.json").write_text(json.dumps([{"iteration": 10, "metrics": METRICS}]))
    (directory / "per_class.csv").write_text("class,PQ\ndisk,40.0\nsand,\n")
    (directory / "per_image.csv").write_text("image,PQ\n007,40.0\n")
    return METRICS


@pytest.fixture
def finished(plan, have_done, store):
    """The records of two finished runs."""
    cells = plan()
    have_done(cells, leave)
    return [RunRecord(run_directory(store, cell.run.name)) for cell in cells]


def test_a_record_tells_what_the_run_left(finished):
    record = finished[0]
    record.require_whole()
    assert (record.identity["task"], record.source, record.environment["threads"]) == ("panoptic", None, 1)
    assert (record.state.name, record.metrics, record.seconds["total"]) == ("done", METRICS, 4.0)
    assert record.history == [{"iteration": 10, "metrics": METRICS}]
    assert record.per_class("PQ").dropna().to_dict() == {"disk": 40.0}
    assert record.per_image("PQ").to_dict() == {"007": 40.0}, "the id is text"
    assert record.losses == record.samples == record.attention == {}


def test_what_a_run_need_not_have_is_empty(finished):
    record = finished[0]
    for name in ("timing.json", "history.json", "per_class.csv", "per_image.csv"):
        (record.directory / name).unlink()
    record = RunRecord(record.directory)
    record.require_whole()
    assert record.seconds == {} and record.history == []
    assert record.per_class("PQ").empty and record.per_image("PQ").empty


DAMAGE = {
    "run.json": ["{", "null", '{"environment": null}', "[" * 200000],
    "config.py": ["model = {'type'", "import os\nos.system('touch executed')\n", "custom_imports = {'imports': 5}"],
    "metrics.json": [
        '{"metrics": {"PQ": "40"}, "results_format": 1}',
        '{"metrics": {"PQ": 1e999}, "results_format": 1}',
        '{"metrics": {"PQ": NaN}, "results_format": 1}',
        '{"metrics": {"PQ": 140.0}, "results_format": 1}',
        '{"metrics": {"AP": -3.0}, "results_format": 1}',
        '{"metrics": {"fg_avg": 40.0}, "results_format": 1}',
        '{"metrics": {"\\u001b[31m": 40.0}, "results_format": 1}',
    ],
    "timing.json": ["null", '{"seconds": null}', '{"seconds": {"total": "4"}}', '{"seconds": {"total": -1}}'],
    "history.json": ['[{"iteration": 5', "[{}]", '[{"iteration": "x", "metrics": {}}]'],
    "per_class.csv": ["class,PQ\ndisk,4", "class,PQ\ndisk\n", ""],
    "per_image.csv": ['image,PQ\n"007'],
    "image_parts.npz": ["", "PK\u0003\u0004 cut off", "{}"],
}
CASES = [
    (name, content) for name, contents in DAMAGE.items() for content in contents if (name, content) != ("config.py", "")
]


@pytest.mark.parametrize(("name", "content"), CASES, ids=[f"{name}-{place}" for place, (name, _) in enumerate(CASES)])
def test_a_damaged_run_is_left_out_and_the_others_go_on(finished, store, name, content, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    damaged, whole = finished
    (damaged.directory / name).write_text(content)
    results = read_results(store)
    assert set(results.runs) == {whole.name}
    assert set(results.frame["run"]) == {whole.name}
    assert not (tmp_path / "executed").exists()
    if name == "metrics.json":
        # What has no metrics to rely on is not done, and the next `m2f run` does it again.
        assert RunRecord(damaged.directory).state.name == "interrupted"
    else:
        (sentence,) = results.damaged
        assert str(damaged.directory / name) in sentence and "remove its run directory" in sentence


def test_null_in_the_environment_is_named(finished, store):
    directory = finished[0].directory
    content = json.loads((directory / "run.json").read_text())
    (directory / "run.json").write_text(json.dumps({**content, "environment": None}))
    (sentence,) = read_results(store).damaged
    assert "run.json cannot be used (Expected `object`, got `null` - at `$.environment`)" in sentence


def test_progress_that_cannot_be_read_is_none(finished):
    (finished[0].directory / "progress.json").write_text('{"iteration": null, "phase": 5}')
    assert finished[0].progress == {}


def test_a_module_is_named_by_the_user_not_by_the_store(finished, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "a_strangers_module.py").write_text("raise SystemExit('imported')\n")
    path = finished[0].directory / "config.py"
    path.write_text(path.read_text() + "\ncustom_imports = {'imports': ['a_strangers_module']}\n")
    with pytest.raises(InputError, match="--import a_strangers_module"):
        RunRecord(finished[0].directory).require_imported()
