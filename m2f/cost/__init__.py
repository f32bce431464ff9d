"""What a model costs."""

from m2f.cost.coco import coco_flops
from m2f.cost.flops import flops

__all__ = ["coco_flops", "flops"]
