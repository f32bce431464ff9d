"""Importing this module registers every dataset, sampler and transform of ``m2f.data``."""

from m2f.data import batches, cityscapes, coco, draws, mapillary, resizing, semantic, transforms, unannotated

__all__ = ["batches", "cityscapes", "coco", "draws", "mapillary", "resizing", "semantic", "transforms", "unannotated"]
