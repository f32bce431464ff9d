import pytest

from ablations.comparing.made_otherwise import Made, changes, made_runs, sentences, value_at
from ablations.store.packed import NumbersOfRun
from ablations.store.results_frame import read_results
from ablations.studies import STUDIES


def leave(directory, cell):
    return {"PQ": 40.0 + cell.run.seed}


@pytest.fixture(autouse=True)
def known(study, evaluated_study, monkeypatch):
    for own in (study, evaluated_study):
        monkeypatch.setitem(STUDIES, own.table, own)


@pytest.fixture
def edit(configs):
    """Edit the config file of panoptic segmentation."""

    def put(old, new):
        path = configs / "smoke" / "panoptic.py"
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    return put


@pytest.fixture
def told(study):
    """What a report and `m2f compare` tell of a store's runs of the study."""

    def ask(store):
        found = read_results(store)
        return changes(made_runs(found.frame, found.runs, study), "")

    return ask


@pytest.fixture
def made(plan, have_done):
    """Have the runs of some seeds done, of one row or all."""
    return lambda *seeds, rows=("masked", "plain"): have_done(
        [cell for cell in plan(seeds=seeds) if cell.variant in rows], leave
    )


def test_seeds_of_an_edited_config_are_told(made, edit, told):
    made(0, 1)
    edit("max_iters=10", "max_iters=3")
    store = made(2)
    assert told(store) == {"train_cfg.max_iters=3": " in 2 of 6 runs (seed 2)"}
    assert sentences(read_results(store)) == [
        "Not all runs of Table 9z (smoke) were made alike: train_cfg.max_iters=3 in 2 of 6 runs (seed 2)."
    ]


def test_a_row_of_another_config_than_those_that_it_is_paired_with_is_told(made, edit, told):
    made(0, 1, rows=["masked"])
    edit("max_iters=10", "max_iters=3")
    assert told(made(0, rows=["plain"])) == {"train_cfg.max_iters=3": " in 1 of 3 runs (plain, seed 0)"}


def test_what_rows_change_is_compared_among_the_seeds_of_each(made, edit, told):
    assert told(made(0, 1)) == {}
    edit('type="MaskedAttention"', 'type="MaskedAttention", blur=2')
    store = made(2)
    assert told(store) == {"model.transformer_decoder.cross_attention.blur=2": " in 1 of 6 runs (masked, seed 2)"}


def test_a_component_of_another_type_is_told_by_its_type(made, edit, told):
    made(0, 1)
    edit('type="m2f.EndlessDraws"', 'type="m2f.CocoInstanceSegments", how="at random"')
    assert told(made(2)) == {"train_dataloader.dataset.type=m2f.CocoInstanceSegments": " in 2 of 6 runs (seed 2)"}


def test_what_is_there_no_more_and_what_is_long(made, edit, told):
    made(0, 1)
    edit("train_dataloader = dict(batch_size=2", f"load_from = {'x' * 99!r}\ntrain_dataloader = dict(workers=0")
    assert told(made(2)) == {
        f"load_from={'x' * 57}...": " in 2 of 6 runs (seed 2)",
        "no train_dataloader.batch_size": " in 2 of 6 runs (seed 2)",
        "train_dataloader.workers=0": " in 2 of 6 runs (seed 2)",
    }


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("data/scenes/tiny", "data/scenes/elsewhere"),
        ("seed = 0", "seed = 0\nlog_level = 'DEBUG'\nvisualizer = dict(type='Visualizer')"),
        ('"MaskedAttention"', '"m2f.MaskedAttention"'),
    ],
)
def test_what_decides_no_result_is_not_told(made, edit, told, old, new):
    made(0)
    edit(old, new)
    assert told(made(1)) == {}


def test_an_override_is_told_once(plan, have_done, told):
    have_done(plan(seeds=(0,)), leave)
    store = have_done(plan(seeds=(1,), **{"train_cfg.max_iters": 3}), leave)
    assert told(store) == {"train_cfg.max_iters=3": " in 2 of 4 runs (seed 1)"}


def test_an_evaluation_once_more_is_not_compared_with_trainings(plan, have_done, study, evaluated_study):
    found = read_results(have_done(plan(seeds=(0, 1), studies=(study, evaluated_study)), leave))
    made = [
        of
        for own in (study, evaluated_study)
        for of in made_runs(found.frame[found.frame["table"] == own.table], found.runs, own)
    ]
    assert len(made) == 6 and changes(made, "") == {}


def test_rows_that_this_version_does_not_know_are_compared_by_themselves(made, edit, monkeypatch):
    monkeypatch.delitem(STUDIES, "9z")
    assert sentences(read_results(made(0, 1))) == []
    edit("max_iters=10", "max_iters=3")
    (sentence,) = sentences(read_results(made(2)))
    assert "train_cfg.max_iters=3 in 2 of 6 runs (seed 2)" in sentence


def test_of_numbers_alone_no_config_is_known(tmp_path):
    facts = {"task": "panoptic", "scale": "mini", "dataset": "scenes", "split": "val2017"}
    runs = [NumbersOfRun(tmp_path / str(seed), {**facts, "seed": seed}, {"PQ": 40.0}) for seed in (0, 1)]
    assert changes([Made("4c", "SMCA", None, seed, run) for seed, run in enumerate(runs)], "") == {}


def test_a_value_at_a_dotted_key():
    values = {"a": [{"b": 1}, 2]}
    keys = ("a.0.b", "a.1", "a.2", "a.x", "a.1.b", "c")
    assert [value_at(values, key) for key in keys] == [1, 2, None, None, None, None]
