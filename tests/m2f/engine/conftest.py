from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmengine import Config

from m2f.data.paths import resolve_data_paths
from m2f.data.prepare import prepare
from m2f.engine.train import train

CONFIGS = Path(__file__).parents[3] / "configs"


@pytest.fixture(scope="session")
def smoke(tmp_path_factory) -> Callable[..., Config]:
    """Configs of the smallest scale, their data generated: ``smoke(task, **dotted overrides)``."""
    data = tmp_path_factory.mktemp("data")

    def config(task: str = "panoptic", **overrides: Any) -> Config:
        resolved = resolve_data_paths(Config.fromfile(CONFIGS / "smoke" / f"{task}.py"), data)
        resolved.merge_from_dict(overrides)
        return resolved

    prepare(config())
    return config


@pytest.fixture(scope="session")
def trained(smoke, tmp_path_factory) -> Path:
    """The directory of a run that is just long enough for a panoptic quality above zero, every segment counted."""
    directory = tmp_path_factory.mktemp("trained")
    lengths = {"train_cfg": {"max_iters": 40, "val_interval": 20}, "default_hooks.checkpoint.interval": 20}
    every_segment = {"model.panoptic": {"score": 0.0, "overlap": 0.0}}
    train(smoke(**every_segment, **lengths, param_scheduler=[]), directory)
    return directory
