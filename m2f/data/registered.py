"""Importing this module registers every dataset, sampler and transform of ``m2f.data``."""

from m2f.data import batches, coco, draws, resizing, semantic, transforms, unannotated

__all__ = ["batches", "coco", "draws", "resizing", "semantic", "transforms", "unannotated"]
