"""Let mmdet import where mmcv's compiled ops are not installed.

``mmcv.ops`` loads ``mmcv._ext`` at import, and ``mmdet.models`` imports ``mmcv.ops``. Nothing that m2f runs on the CPU
calls a compiled op, so where the extension is missing a stand-in takes its place: it satisfies the import and raises a
clear error only when an op is called.
"""

import importlib.machinery
import importlib.util
import sys
import types
from collections.abc import Callable
from typing import Any

EXTENSION = "mmcv._ext"


def compiled_ops_available() -> bool:
    """Whether mmcv was built with its compiled ops (the stand-in does not count)."""
    module = sys.modules.get(EXTENSION)
    if module is not None:
        return not getattr(module, "is_stand_in", False)
    return importlib.util.find_spec(EXTENSION) is not None


def provide_compiled_ops() -> None:
    """Register the stand-in for ``mmcv._ext`` if the real extension is not installed. Call before importing mmdet."""
    if EXTENSION in sys.modules or compiled_ops_available():
        return
    stand_in = types.ModuleType(EXTENSION)
    stand_in.__spec__ = importlib.machinery.ModuleSpec(EXTENSION, loader=None)
    stand_in.is_stand_in = True  # type: ignore[attr-defined]
    stand_in.__getattr__ = _missing_op  # type: ignore[method-assign]
    sys.modules[EXTENSION] = stand_in


def _missing_op(name: str) -> Callable[..., Any]:
    if name.startswith("__"):
        raise AttributeError(name)

    def raise_missing(*_args: Any, **_kwargs: Any) -> Any:
        raise RuntimeError(
            f"The compiled op mmcv._ext.{name} is not installed; build mmcv with MMCV_WITH_OPS=1 to use it."
        )

    return raise_missing
