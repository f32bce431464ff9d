import copy
import re
from functools import reduce
from operator import getitem

import pytest

from ablations.planning.overrides import apply_overrides
from ablations.planning.plan import config_of_scale
from ablations.planning.requirements import require_buildable, require_runnable
from ablations.planning.scales import SCALES, TASKS, chosen_scale
from m2f.errors import InputError
from m2f.models.transformer_decoder.queries import LearnableQueries
from m2f.registry import MODELS


@pytest.fixture(scope="module")
def config():
    return config_of_scale(chosen_scale("smoke"), "panoptic").config


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("task", TASKS)
def test_the_scales_can_be_run(scale, task):
    require_runnable(config_of_scale(chosen_scale(scale), task).config, scale)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("train_cfg.max_iters", 0, "'train_cfg.max_iters' must be a whole number, at least 1, not 0"),
        ("train_cfg.max_iters", -1, "at least 1, not -1"),
        ("train_cfg.val_interval", 0, "'train_cfg.val_interval' must be"),
        ("train_dataloader.batch_size", 0, "'train_dataloader.batch_size' must be"),
        ("val_dataloader.num_workers", -1, "'val_dataloader.num_workers' must be"),
        ("default_hooks.checkpoint.interval", 0, "'default_hooks.checkpoint.interval' must be"),
        ("optim_wrapper.optimizer.lr", -1, "'optim_wrapper.optimizer.lr' must be a number above 0"),
        ("optim_wrapper.optimizer.lr", 0.0, "must be a number above 0"),
        ("optim_wrapper.optimizer.lr", float("inf"), "must be a number above 0"),
        ("optim_wrapper.type", "NoSuch", "'optim_wrapper.type' is 'NoSuch', which is not registered"),
        ("optim_wrapper.type", "subprocess.call", "which is not registered"),
        ("val_evaluator", [], "'val_evaluator' is empty"),
        ("custom_hooks", [{"type": "os.system"}], "'custom_hooks.0.type' is 'os.system', which is not registered"),
    ],
)
def test_what_cannot_be_run_is_named_before_it_is(config, key, value, words):
    changed = {**config, key: value} if key == "custom_hooks" else apply_overrides(config, {key: value})
    with pytest.raises(InputError, match=words) as error:
        require_runnable(changed, "parts/panoptic.py")
    assert str(error.value).startswith("parts/panoptic.py: ")


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        (0, "'optim_wrapper.accumulative_counts' must be a whole number, at least 1"),
        (3, "'train_cfg.val_interval' is 2, no multiple of optim_wrapper.accumulative_counts = 3"),
    ],
)
def test_a_step_of_several_iterations_cannot_be_cut(config, counts, words):
    changed = {**config, "optim_wrapper": {**config["optim_wrapper"], "accumulative_counts": counts}}
    with pytest.raises(InputError, match=f"^parts/panoptic.py: {words}"):
        require_runnable(changed, "parts/panoptic.py")


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("train_cfg.max_iters", "abc", "must be a whole number, not 'abc', since the config has 4"),
        ("train_cfg.max_iters", 1.5, "must be a whole number"),
        ("train_cfg.max_iters", True, "must be a whole number"),
        ("train_cfg.max_iters", None, "must be a whole number"),
        ("optim_wrapper.optimizer.lr", "fast", "must be a number"),
        ("log_processor.by_epoch", 1, "must be true or false"),
        ("default_hooks", 5, "must be a dict"),
        ("scenes", 5, "must be a dict"),
        ("val_evaluator", "PQ", "must be a list"),
        ("optim_wrapper.type", 7, "must be a word"),
    ],
)
def test_an_override_keeps_the_kind_of_what_is_there(config, key, value, words):
    with pytest.raises(InputError, match=words) as error:
        apply_overrides(config, {key: value})
    assert str(error.value).startswith(f"The override '{key}'")


def test_a_list_takes_the_place_of_a_tuple():
    assert apply_overrides({"scale": (64, 64)}, {"scale": [128, 128]}) == {"scale": (128, 128)}
    assert apply_overrides({"rate": 1.0}, {"rate": 2}) == {"rate": 2}
    assert apply_overrides({"file": "a"}, {"file": None}) == {"file": None}


@pytest.mark.parametrize("key", ["train_dataloader.dataset.dataset.num_images", "val_dataloader.dataset.num_images"])
def test_no_images_at_all_are_refused(key):
    changed = apply_overrides(config_of_scale(chosen_scale("lite"), "instance").config, {key: 0})
    with pytest.raises(InputError, match=rf"'{key}' must be a whole number, at least 1, not 0"):
        require_runnable(changed, "lite/instance.py")


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ({"pixel_decoder.num_heads": 3}, "DeformableAttention: embed_dims, 64, must be divisible by num_heads, 3"),
        ({"pixel_decoder.num_points": 0}, "DeformableAttention: num_points must be a whole number, at least 1, not 0"),
        ({"pixel_decoder.num_layers": -1}, "MSDeformAttn: num_layers must be a number, at least 0, not -1"),
        ({"pixel_decoder.feedforward_dims": 0}, "feedforward_dims must be a whole number, at least 1, not 0"),
        ({"pixel_decoder.norm_groups": 7}, "GroupNorm: num_channels (64) must be divisible by num_groups (7)"),
        ({"transformer_decoder.num_heads": 3}, "embed_dims, 64, must be divisible by num_heads, 3"),
        ({"transformer_decoder.num_layers": 0}, "num_layers must be a whole number, at least 1, not 0"),
        ({"transformer_decoder.dropout": 2}, "dropout probability has to be between 0 and 1, but got 2"),
        ({"transformer_decoder.queries.num_queries": 0}, "LearnableQueries: num_queries must be a whole number"),
        ({"transformer_decoder.mask_prediction": "sparse"}, "mask_prediction must be 'embedded' or 'dense'"),
        ({"criterion.num_points": 0}, "PointCriterion: num_points must be a whole number, at least 1, not 0"),
        ({"criterion.importance": 1.5}, "PointCriterion: importance must be a number from 0 to 1, not 1.5"),
        ({"criterion.oversample": 0.5}, "PointCriterion: oversample must be a number, at least 1, not 0.5"),
        ({"criterion.dice_weight": -1}, "PointCriterion: dice_weight must be a number, at least 0, not -1"),
        ({"criterion.points": 9}, "unexpected keyword argument 'points'"),
        ({"panoptic": {"score": 80}}, "Mask2Former: score must be a number from 0 to 1, not 80"),
        ({"backbone.depth": 19}, "invalid depth 19 for resnet"),
    ],
)
def test_a_model_that_cannot_be_built_is_answered(overrides, sentence):
    model = copy.deepcopy(config_of_scale(chosen_scale("smoke"), "panoptic").config["model"])
    for key, value in overrides.items():
        *path, last = key.split(".")
        reduce(getitem, path, model)[last] = value
    with pytest.raises(InputError, match=re.escape(sentence)) as raised:
        require_buildable([({"model": model}, "parts/panoptic.py")])
    assert str(raised.value).startswith("parts/panoptic.py: the model cannot be built, ")


def test_a_component_that_computes_with_its_weights_can_be_built():
    model = copy.deepcopy(config_of_scale(chosen_scale("smoke"), "panoptic").config["model"])
    model["transformer_decoder"]["queries"]["type"] = "CountedQueries"

    @MODELS.register_module(force=True)
    class CountedQueries(LearnableQueries):
        def __init__(self, **options):
            super().__init__(**options)
            self.mean = self.features.weight.mean().item()

    require_buildable([({"model": model}, "parts/panoptic.py")])
    del MODELS.module_dict["CountedQueries"]
