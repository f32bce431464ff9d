"""``_base_ = "m2f::paper/panoptic.py"``: our configs named as those of OpenMMLab's own packages are.

mmengine finds the configs of a package in its directory ``.mim/configs``, if its table of packages has it. In a
checkout that is a link to ``configs/``, in an installation the files themselves.
"""

from pathlib import Path

CONFIGS = (Path(__file__).with_name(".mim") / "configs").resolve()


def name_own_configs() -> None:
    """Enter m2f in mmengine's table of packages that have configs.

    By a module, whose directory mmengine then takes: of the distribution m2f it would take the first of its packages.
    """
    from mmengine.config.utils import MODULE2PACKAGE  # whose import takes a second, and the path alone needs none

    MODULE2PACKAGE.setdefault("m2f", __name__)


def own_config(name: str) -> Path:
    """The file of one of our configs by its path below ``configs/``."""
    return CONFIGS / name
