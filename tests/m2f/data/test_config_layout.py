import copy
from pathlib import Path

import pytest
from mmengine import Config

from m2f.data.config_layout import require_data_layout
from m2f.errors import InputError

CONFIGS = Path(__file__).parents[3] / "configs"


@pytest.fixture(scope="module")
def configs():
    """Of scenes and of COCO, as plain dicts."""
    return {scale: Config.fromfile(CONFIGS / scale / "panoptic.py").to_dict() for scale in ("mini", "paper")}


@pytest.mark.parametrize(
    "path", sorted(CONFIGS.glob("[a-z]*/*.py")), ids=lambda path: f"{path.parent.name}-{path.stem}"
)
def test_ours_say_where_their_data_are(path):
    require_data_layout(Config.fromfile(path).to_dict(), "config.py")


@pytest.mark.parametrize(
    ("scale", "key", "value", "words"),
    [
        ("mini", "scenes", True, "at 'scenes', expected `object`, got `bool`; write it as"),
        ("mini", "scenes.image_size", "128", "at 'scenes.image_size', expected `int`, got `str`"),
        ("mini", "scenes.splits.val2017", 0, "at 'scenes.splits[...]', expected `int` >= 1"),
        ("mini", "scenes.seed", -1, "at 'scenes.seed', expected `int` >= 0"),
        ("mini", "scenes.root", None, "at 'scenes.root', expected `str`, got `null`"),
        ("mini", "train_dataloader.dataset", ..., "at 'train_dataloader', object missing required field `dataset`"),
        ("mini", "val_evaluator", ["PQ"], "at 'val_evaluator[0]', expected `object`, got `str`"),
        ("mini", "val_evaluator", [{"panoptic_json": 3.5}], "at 'val_evaluator[0].panoptic_json', expected `str`"),
        ("mini", "model", {"\ud800": 1}, "'utf-8' codec can't encode character"),
        ("mini", "model.num_things", True, "at 'model.num_things', expected `int`, got `bool`"),
        (
            "paper",
            "val_dataloader.dataset.data_root",
            ["data"],
            "at 'val_dataloader.dataset.data_root', expected `str`",
        ),
        ("paper", "val_dataloader.dataset.data_root", ..., "has no 'val_dataloader.dataset.data_root'"),
        (
            "paper",
            "train_dataloader.dataset.dataset.data_prefix",
            ...,
            "has no 'train_dataloader.dataset.dataset.",
        ),
        ("paper", "train_dataloader.dataset.dataset.data_prefix", {"img": 5}, "data_prefix[...]', expected `str`"),
    ],
)
def test_another_kind_is_named(configs, scale, key, value, words):
    config = copy.deepcopy(configs[scale])
    node, *path = config, *key.split(".")
    for name in path[:-1]:
        node = node[name]
    if value is ...:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    with pytest.raises(InputError) as raised:
        require_data_layout(config, "config.py")
    assert words in str(raised.value)
    assert str(raised.value).startswith("config.py ")
