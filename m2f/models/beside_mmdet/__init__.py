"""Our components inside mmdet's Mask2Former, mmdet's inside ours, and samples of mmdet's and mmseg's data sets."""

from m2f.models.beside_mmdet.cross_attention_head import Mask2FormerHead
from m2f.models.beside_mmdet.pixel_decoder_adapters import OurPixelDecoder, TheirPixelDecoder

__all__ = ["Mask2FormerHead", "OurPixelDecoder", "TheirPixelDecoder"]
