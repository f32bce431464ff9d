"""What a config needs to test a semantic model at several scales."""

from typing import TYPE_CHECKING

from m2f.errors import InputError

if TYPE_CHECKING:
    from mmengine.config import Config

OVERRIDES = {"model.type": "MultiScale", "val_evaluator": [{"type": "m2f.MeanIoU", "name": "mIoU_ms"}]}
"""Dotted keys and their values; of a study's ``Evaluation`` as well."""


def at_many_scales(config: "Config") -> "Config":
    """A copy of a config that tests at several scales, see :class:`m2f.models.multi_scale.MultiScale`.

    Raises:
        InputError: the config is not of a semantic model as the suite has them.
    """
    from mmengine.config import Config  # here, since studies name the overrides, and listing them loads no torch

    kind = str(config.model.type).rpartition(".")[2]
    if config.get("task") != "semantic" or kind not in ("Mask2Former", "MultiScale"):
        raise InputError(
            f"Multi-scale testing is of semantic models, but the config says task = '{config.get('task')}' and "
            f"model.type = '{config.model.type}'; leave out --multi-scale."
        )
    config = Config(config.to_dict(), filename=config.filename)
    config.merge_from_dict(OVERRIDES if config.val_evaluator else {"model.type": OVERRIDES["model.type"]})
    return config
