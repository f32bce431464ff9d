import shutil
from pathlib import Path

import pytest
from mmengine import Config
from mmengine.registry import init_default_scope

import m2f.data.registered  # noqa: F401
from m2f.data.paths import resolve_data_paths
from m2f.data.scenes import SceneSpec, ensure_scenes

PROJECT = Path(__file__).parents[3]
SPEC = SceneSpec(image_size=64, splits={"train2017": 12, "val2017": 4}, seed=3)


@pytest.fixture(scope="session")
def scenes_root(tmp_path_factory):
    """Read-only scenes at ``<data directory>/scenes/mini``, where the configs expect them."""
    root = tmp_path_factory.mktemp("data") / "scenes" / "mini"
    ensure_scenes(SPEC, root, workers=1)
    return root


@pytest.fixture
def root(scenes_root, tmp_path):
    """A copy of the scenes to damage, without checksums to give the damage away."""
    copy = shutil.copytree(scenes_root, tmp_path / "copy")
    (copy / "manifest.json").unlink()
    return copy


@pytest.fixture
def coco100():
    """An excerpt of COCO: 100 images of each split."""
    directory = PROJECT.parent / "shared" / "data"
    if not (directory / "coco100").is_dir():
        pytest.skip("../shared/data/coco100 is missing")
    return directory / "coco100"


@pytest.fixture
def load_config(scenes_root):
    """Load a dataset config with its data at the generated scenes, or at ``root`` where that is given."""

    def load(name, root=None):
        init_default_scope("m2f")
        config = Config.fromfile(PROJECT / "configs" / "_base_" / "datasets" / f"{name}.py")
        if root is not None:
            return Config(_replace(config.to_dict(), config.data_root, f"{root}/"))
        config.scenes.update(image_size=SPEC.image_size, splits=dict(SPEC.splits), seed=SPEC.seed)
        return resolve_data_paths(config, scenes_root.parents[1])

    return load


def _replace(value, old, new):
    if isinstance(value, str):
        return value.replace(old, new)
    if isinstance(value, dict):
        return {key: _replace(item, old, new) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_replace(item, old, new) for item in value)
    return value


@pytest.fixture(scope="session")
def sample():
    """``sample(name)``: a sample of a data set in its true layout."""
    samples = PROJECT.parent / "shared" / "data" / "datasets"

    def directory(name):
        if not (samples / name).is_dir():
            pytest.skip(f"../shared/data/datasets/{name} is missing")
        return samples / name

    return directory
