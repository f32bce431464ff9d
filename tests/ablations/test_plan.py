import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmengine import Config

from ablations.plan import CONFIGS, SCALES, TASKS, digest, load_config, make_plan, unique_runs
from ablations.studies import STUDIES
from ablations.variation import Study, Variation
from m2f.errors import InputError

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
    by_run = unique_runs(cells)
    assert len(cells) == 4
    assert sorted(len(of_run) for of_run in by_run.values()) == [1, 1, 2]
    assert {(cell.table, cell.variant) for cell in max(by_run.values(), key=len)} == {
        ("9z", "masked"),
        ("9x", "baseline"),
    }


def test_the_users_overrides_win_over_the_rows(plan):
    cells = plan(**{"model.transformer_decoder.cross_attention.type": "SMCA"})
    assert len(unique_runs(cells)) == 1
    assert cells[0].run.config["model"]["transformer_decoder"]["cross_attention"]["type"] == "SMCA"


def test_run_does_not_depend_on_where_data_lies(study, configs, tmp_path):
    here, there = (
        make_plan([study], "smoke", ["panoptic"], [0], {}, tmp_path / name, configs) for name in ("here", "there")
    )
    assert here == there
    assert str(tmp_path) not in json.dumps(here[0].run.config)


def test_missing_config_is_bad_input(tmp_path):
    with pytest.raises(InputError, match=r"no config .*huge/panoptic\.py"):
        load_config(tmp_path / "huge" / "panoptic.py")


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("task", TASKS)
def test_every_study_fits_every_scale(scale, task):
    """The overrides name keys of every baseline; scenes need no files for their fingerprint."""
    config = load_config(CONFIGS / scale / f"{task}.py")
    assert (config["scale"], config["task"]) == (scale, task)
    if "scenes" in config:
        studies = [study for study in STUDIES.values() if task in study.tasks]
        cells = make_plan(studies, scale, [task], [0], {}, CONFIGS)
        assert len(cells) == sum(len(study.variations) for study in studies)


def test_paper_data_that_are_missing_are_bad_input(tmp_path):
    with pytest.raises(InputError, match=str(tmp_path)):
        make_plan(list(STUDIES.values()), "paper", ["panoptic"], [0], {}, tmp_path)


def test_plans_share_what_configs_have_in_common(plan):
    """Ten thousand runs must not be ten thousand copies of a config."""
    one, other = (cell.run.config for cell in plan())
    assert one["train_dataloader"] is other["train_dataloader"]
    assert Config(one).train_dataloader == Config(other).train_dataloader
