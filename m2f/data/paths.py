"""Where data lies: configs say ``data/...``, and a run puts the data directory in place of ``data``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmengine import Config

PREFIX = "data/"


def resolve_data_paths(config: "Config", data_dir: str | Path) -> "Config":
    """A copy of ``config`` in which every string that starts with ``data/`` starts with ``data_dir`` instead."""
    from mmengine import Config

    return Config(_resolve(config.to_dict(), Path(data_dir)))


def _resolve(value: Any, data_dir: Path) -> Any:
    if isinstance(value, str) and value.startswith(PREFIX):
        return str(data_dir / value.removeprefix(PREFIX)) + "/" * value.endswith("/")
    if isinstance(value, dict):
        return {key: _resolve(item, data_dir) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_resolve(item, data_dir) for item in value)
    return value
