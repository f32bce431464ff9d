"""The Mask2Former benchmark and ablation suite: components registered with OpenMMLab under scope ``m2f``."""

from typing import Any

__version__ = "0.1.0"


def load(*arguments: Any, **options: Any) -> Any:
    """A trained model, ready to segment pictures: see :func:`m2f.engine.segmenter.load`, which it calls."""
    from m2f.engine.segmenter import load as load_model  # with torch and OpenMMLab, which take seconds

    return load_model(*arguments, **options)
