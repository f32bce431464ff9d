"""What a model costs."""

from m2f.cost.flops import flops, parameters
from m2f.cost.images import Images, images_of

__all__ = ["Images", "flops", "images_of", "parameters"]
