import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmengine import Config

from ablations.planning.plan import Plan, check_classes_of, digest, make_plan, read_config_file
from ablations.planning.scales import CONFIGS, SCALES, TASKS, chosen_scale
from ablations.studies import STUDIES
from ablations.studies.study import Evaluation, Setting, Study, Times, Variation
from m2f.engine.multi_scale import OVERRIDES as MULTI_SCALE
from m2f.errors import InputError

# Names of runs at mini, panoptic, seed 0; the committed reference was made by them.
GOLDEN = {
    "cross-attention": "b0d8d10ef26e0df6",
    "SMCA": "4910d7c8383aa946",
    "mask pooling": "edbd900881b5fa15",
    "masked attention": "93e697f38cc25444",
}
RUN_NAMES = Path(__file__).with_name("run_names.csv")
CONFIG = {"task": "panoptic", "seed": 0, "model": {"layers": 9, "queries": 100}, "sizes": [32, 16, 8]}


def shuffled(value, draw):
    """The same config with its dicts filled in another order."""
    if isinstance(value, dict):
        return {key: shuffled(value[key], draw) for key in draw(st.permutations(sorted(value)))}
    return value


@given(st.data())
def test_digest_knows_no_order_of_keys(data):
    assert digest(shuffled(CONFIG, data.draw), "data") == digest(CONFIG, "data")


@given(st.sampled_from(["task", "seed", "model", "sizes", "data"]), st.integers(min_value=1) | st.text(min_size=1))
def test_digest_changes_with_every_part(part, value):
    if part == "data":
        assert digest(CONFIG, str(value)) != digest(CONFIG, "")
    else:
        assert digest({**CONFIG, part: value}, "") != digest(CONFIG, "")


def test_tuples_and_lists_are_one():
    assert digest({**CONFIG, "sizes": (32, 16, 8)}, "") == digest(CONFIG, "")


def test_order_of_overrides_does_not_matter(plan):
    overrides = {"train_cfg.max_iters": 5, "model.transformer_decoder.levels.0.stride": 8}
    reverse = dict(reversed(overrides.items()))
    assert [cell.run.digest for cell in plan(**overrides)] == [cell.run.digest for cell in plan(**reverse)]


def test_seed_task_override_and_data_make_runs_of_their_own(plan):
    choices = [
        plan(),
        plan(seeds=[1]),
        plan(tasks=["semantic"]),
        plan(**{"train_cfg.max_iters": 5}),
        plan(**{"scenes.seed": 1}),
    ]
    digests = [cell.run.digest for cells in choices for cell in cells]
    assert len(set(digests)) == len(digests) == 2 * len(choices)


def test_cells_come_seed_by_seed_with_tasks_of_the_study_only(plan, study):
    panoptic_only = Study("9y", "", "masked", study.variations, tasks=("panoptic",))
    cells = plan(tasks=["panoptic", "instance"], seeds=[0, 3], studies=[panoptic_only])
    assert [(cell.run.seed, cell.run.task, cell.variant) for cell in cells] == [
        (seed, "panoptic", variant) for seed in (0, 3) for variant in ("plain", "masked")
    ]
    assert all(cell.run.config["seed"] == cell.run.seed for cell in cells)


def test_equal_rows_are_one_run(plan, study):
    attention = "model.transformer_decoder.cross_attention.type"
    named_otherwise = Study(
        table="9x",
        title="",
        baseline="baseline",
        variations=(Variation("baseline", {attention: "MaskedAttention"}), Variation("none", {attention: "SMCA"})),
        tasks=study.tasks,
    )
    cells = plan(studies=[study, named_otherwise])
    by_run = Plan(cells).trainings
    assert len(cells) == 4
    assert sorted(len(planned.cells) for planned in by_run.values()) == [1, 1, 2]
    assert {
        (cell.table, cell.variant) for cell in max(by_run.values(), key=lambda planned: len(planned.cells)).cells
    } == {
        ("9z", "masked"),
        ("9x", "baseline"),
    }


def test_the_users_overrides_win_over_the_rows(plan):
    cells = plan(**{"model.transformer_decoder.cross_attention.type": "SMCA"})
    assert len(Plan(cells).trainings) == 1
    assert cells[0].run.config["model"]["transformer_decoder"]["cross_attention"]["type"] == "SMCA"


def test_run_does_not_depend_on_where_data_lies(study, configs, tmp_path):
    here, there = (
        make_plan([study], chosen_scale("smoke", configs), ["panoptic"], [0], {}, tmp_path / name)
        for name in ("here", "there")
    )
    assert here == there
    assert str(tmp_path) not in json.dumps(here.cells[0].run.config)


def test_missing_config_is_bad_input(tmp_path):
    with pytest.raises(InputError, match=r"no config .*huge/panoptic\.py"):
        read_config_file(tmp_path / "huge/panoptic.py")


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("task", TASKS)
def test_runs_are_called_what_they_were(scale, task, monkeypatch):
    """Every row at every scale, the data's fingerprint aside: runs that are done are found by their names."""
    monkeypatch.setattr("ablations.planning.plan.remembering_fingerprints", lambda directory: lambda config: "data")
    fits = [study for study in STUDIES.values() if task in study.tasks and (not study.scales or scale in study.scales)]
    cells = make_plan(fits, chosen_scale(scale), [task], [0], {}, CONFIGS).cells
    with RUN_NAMES.open(newline="") as file:
        named = [tuple(row.values()) for row in csv.DictReader(file) if (row["scale"], row["task"]) == (scale, task)]
    assert [(scale, cell.table, cell.variant, task, cell.run.name) for cell in cells] == named


def test_paper_data_that_are_missing_are_bad_input(tmp_path):
    with pytest.raises(InputError, match=str(tmp_path)):
        make_plan(list(STUDIES.values()), chosen_scale("paper"), ["panoptic"], [0], {}, tmp_path)


def test_plans_share_what_configs_have_in_common(plan):
    """Ten thousand runs must not be ten thousand copies of a config."""
    one, other = (cell.run.config for cell in plan())
    assert one["train_dataloader"] is other["train_dataloader"]
    assert Config(one).train_dataloader == Config(other).train_dataloader


def test_a_baseline_without_changes_keeps_its_digest():
    """Runs that are done are found by it: a change of this value throws all of them away."""
    cells = make_plan([STUDIES["4c"]], chosen_scale("mini"), ["panoptic"], [0], {}, CONFIGS).cells
    assert {cell.variant: cell.run.name for cell in cells} == GOLDEN


def test_the_runs_own_overrides_are_the_users_alone(plan):
    cells = plan(**{"train_cfg.max_iters": 5})
    assert [cell.run.overrides for cell in cells] == [{"train_cfg.max_iters": 5}] * 2


def test_a_users_setting_is_recorded_as_its_value(plan):
    levels = "model.transformer_decoder.levels"
    cells = plan(**{levels: Setting("levels.fine")})
    assert [cell.run.overrides for cell in cells] == [{levels: [{"stride": 8}]}] * 2
    assert [cell.run.digest for cell in cells] == [cell.run.digest for cell in plan(**{levels: [{"stride": 8}]})]


EVALUATED = Evaluation({"train_cfg.max_iters": Times(2), "model.transformer_decoder.levels": Setting("levels.fine")})


def evaluated(study, table="9e", evaluation=EVALUATED):
    return Study(table, "", "masked", study.variations, study.tasks, evaluation)


def test_a_cell_of_an_evaluation_names_its_training(plan, study):
    trained, evaluated_again = plan(studies=[study]), plan(studies=[evaluated(study)])
    assert [cell.run.source for cell in evaluated_again] == [cell.run for cell in trained]
    assert [cell.training for cell in evaluated_again] == [cell.training for cell in trained]
    for before, after in zip(trained, evaluated_again, strict=True):
        expected = json.loads(json.dumps(before.run.config))
        expected["train_cfg"]["max_iters"] = 20
        expected["model"]["transformer_decoder"]["levels"] = [{"stride": 8}]
        assert after.run.config == expected
        assert (after.run.task, after.run.scale, after.run.seed) == (before.run.task, before.run.scale, before.run.seed)


def test_trainings_and_equal_evaluations_are_shared(plan, study):
    other = Evaluation({"train_cfg.max_iters": 7})
    cells = plan(studies=[study, evaluated(study), evaluated(study, "9f"), evaluated(study, "9g", other)])
    trained, evaluated_again = (
        [" ".join(cell.table for cell in planned.cells) for planned in phase.values()]
        for phase in (Plan(cells).trainings, Plan(cells).evaluations)
    )
    assert trained == ["9z 9e 9f 9g"] * 2
    assert evaluated_again == ["9e 9f"] * 2 + ["9g"] * 2


def test_a_plan_has_each_run_once_trainings_first(plan, study):
    cells = plan(studies=[evaluated(study), evaluated(study, "9f"), study])
    whole = Plan(cells)
    assert list(whole.runs) == [*whole.trainings, *whole.evaluations]
    assert [planned.run.name for planned in whole.runs.values()] == list(whole.runs)
    assert [planned.run.source is None for planned in whole.runs.values()] == [True, True, False, False]
    assert [planned.label for planned in whole.runs.values()] == [
        "9e plain, panoptic, seed 0 (+2)",
        "9e masked, panoptic, seed 0 (+2)",
        "9e plain, panoptic, seed 0 (+1)",
        "9e masked, panoptic, seed 0 (+1)",
    ]
    assert [planned.label for planned in Plan(cells[-1:]).runs.values()] == ["9z masked, panoptic, seed 0"]


def test_an_evaluation_is_another_run_than_a_training_with_its_config(plan, study):
    """Also if its overrides change nothing, and if its training has another config for what it does not read."""
    unchanged = plan(studies=[evaluated(study, evaluation=Evaluation({}))])
    assert all(cell.run.config == cell.training.config for cell in unchanged)
    longer = {"train_cfg.max_iters": 50}
    same_config = plan(studies=[evaluated(study, evaluation=Evaluation({"train_cfg.max_iters": 10}))], **longer)
    names = {cell.run.name for cell in [*unchanged, *same_config]} | {cell.training.name for cell in unchanged}
    assert [cell.run.config for cell in same_config] == [cell.run.config for cell in unchanged]
    assert len(names) == 6


def test_a_setting_that_a_config_lacks_is_bad_input(plan, study):
    with pytest.raises(InputError, match=r"^configs/smoke/panoptic\.py has no setting 'levels\.none'"):
        plan(studies=[evaluated(study, evaluation=Evaluation({"train_cfg.max_iters": Setting("levels.none")}))])


def test_settings_are_no_part_of_a_run(plan, configs):
    before = [cell.run.digest for cell in plan()]
    for path in configs.glob("*/*.py"):
        path.write_text(path.read_text() + "settings['levels']['fine'] = []\n")
    assert [cell.run.digest for cell in plan()] == before
    assert all("settings" not in cell.run.config for cell in plan())


def test_imports_are_in_the_configs_of_their_rows_alone(plan, study):
    own = Variation("own", {}, imports=("my_attention",))
    cells = plan(studies=[replace(study, variations=(*study.variations, own))])
    assert [cell.run.digest for cell in cells[:2]] == [cell.run.digest for cell in plan()]
    assert ["custom_imports" in cell.run.config for cell in cells] == [False, False, True]
    assert cells[2].run.config["custom_imports"] == {"imports": ["my_attention"], "allow_failed_imports": False}


@pytest.mark.parametrize("task", TASKS)
def test_a_model_of_other_classes_than_the_data_is_refused_before_anything_starts(task, tmp_path):
    study = STUDIES["4c"]
    check_classes_of(make_plan([study], chosen_scale("mini"), [task], [0], {}, tmp_path), tmp_path)
    cells = make_plan([study], chosen_scale("mini"), [task], [0], {"model.num_things": 5}, tmp_path)
    with pytest.raises(InputError, match=r"The data set has .* but the config says model\.num_things = 5"):
        check_classes_of(cells, tmp_path)


def test_a_study_at_many_scales_evaluates_trainings_once_more():
    """Whatever the pipeline of a row resizes to; the trainings are those of a study at one scale."""
    row = Variation("masked attention", {})
    study = Study(
        "many", "", "masked attention", (row,), ("semantic",), Evaluation(MULTI_SCALE), {"semantic": "mIoU_ms"}
    )
    once = replace(study, evaluation=None)
    cells = make_plan([study, once], chosen_scale("mini"), ["semantic"], [0], {}, Path("data")).cells
    run, plain = (cell.run for cell in cells)
    assert run.source == plain
    assert run.config["model"] == {**plain.config["model"], "type": "MultiScale"}
    assert run.config["val_evaluator"] == [{"type": "m2f.MeanIoU", "name": "mIoU_ms"}]


def test_an_evaluation_that_adds_a_metric_stands_beside_its_training(plan, study):
    """Of the tasks that it names; the training comes first, and is what it is without."""
    again = Evaluation({"train_cfg.max_iters": Times(2)}, tasks=("semantic",), adds="mIoU_ms")
    cells = plan(tasks=("panoptic", "semantic"), studies=[replace(study, evaluation=again)])
    once = plan(tasks=("panoptic", "semantic"))
    assert [cell.run for cell in cells if cell.run.source is None] == [cell.run for cell in once]
    assert [(cell.variant, cell.run.task, cell.run.source is not None) for cell in cells[2:]] == [
        (variant, "semantic", evaluated) for variant in ("plain", "masked") for evaluated in (False, True)
    ]
    assert cells[3].run.source == cells[2].run and cells[3].run.config["train_cfg"] == {"max_iters": 20}


def on_streets(study):
    """The study with its masked row on another data set."""
    plain, masked = study.variations
    return replace(study, table="9s", variations=(plain, replace(masked, dataset="streets")))


def test_a_cell_is_of_a_data_set_and_a_task(plan, study, configs):
    (configs / "smoke" / "streets").mkdir()
    text = (
        (configs / "smoke" / "panoptic.py").read_text().replace('dataset_name = "scenes"', 'dataset_name = "streets"')
    )
    (configs / "smoke" / "streets" / "panoptic.py").write_text(text)
    cells = plan(studies=[on_streets(study)])
    assert [(cell.variant, cell.run.dataset) for cell in cells] == [("plain", "scenes"), ("masked", "streets")]
    assert [cell.run.config_file for cell in cells] == [
        "configs/smoke/panoptic.py",
        "configs/smoke/streets/panoptic.py",
    ]
    assert chosen_scale("smoke", configs).has("streets", "panoptic")
    assert not chosen_scale("smoke", configs).has("streets", "instance")


def test_a_data_set_that_a_scale_lacks_is_bad_input(plan, study, configs):
    with pytest.raises(InputError, match=r"no config .*smoke/streets/panoptic\.py"):
        plan(studies=[on_streets(study)])
    (configs / "smoke" / "streets").mkdir()
    (configs / "smoke" / "streets" / "panoptic.py").write_text((configs / "smoke" / "panoptic.py").read_text())
    with pytest.raises(InputError, match=r"says dataset_name = 'scenes'; its folder says 'streets'"):
        plan(studies=[on_streets(study)])
