"""What a model costs, counted without data or weights: what has to run to be known is in ``m2f.timing``."""

from m2f.cost.flops import flops, parameters
from m2f.cost.images import Images, images_of

__all__ = ["Images", "flops", "images_of", "parameters"]
