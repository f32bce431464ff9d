"""The Mask2Former benchmark and ablation suite: components registered with OpenMMLab under scope ``m2f``."""

from pkgutil import resolve_name
from typing import Any

__version__ = "0.1.0"


def load(*arguments: Any, **options: Any) -> Any:
    """A trained model, ready to segment pictures: see :func:`m2f.engine.segmenter.load`, which it calls.

    That is found by name when it is wanted: it takes torch and OpenMMLab, whose imports take seconds.
    """
    return resolve_name("m2f.engine.segmenter:load")(*arguments, **options)
