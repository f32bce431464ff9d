"""Importing this module registers every dataset, sampler and transform of ``m2f.data``."""

from m2f.data import ade20k, batches, cityscapes, coco, draws, mapillary, resizing, semantic, transforms, unannotated

__all__ = [
    "ade20k",
    "batches",
    "cityscapes",
    "coco",
    "draws",
    "mapillary",
    "resizing",
    "semantic",
    "transforms",
    "unannotated",
]
