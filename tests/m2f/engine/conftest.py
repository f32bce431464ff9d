from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmengine import Config

from m2f.data.paths import resolve_data_paths
from m2f.data.prepare import prepare

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
