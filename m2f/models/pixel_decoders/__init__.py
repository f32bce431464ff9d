"""Pixel decoders: backbone features to a pyramid at 1/32, 1/16, 1/8 and mask features at 1/4 (Table 4(e))."""

from m2f.models.pixel_decoders.bifpn import BiFPN
from m2f.models.pixel_decoders.fapn import FaPN
from m2f.models.pixel_decoders.fpn import FPN
from m2f.models.pixel_decoders.hybrid import HybridEncoder
from m2f.models.pixel_decoders.lite import LiteMSDeformAttn
from m2f.models.pixel_decoders.maskformer import MaskFormerEncoderFPN, MaskFormerFPN
from m2f.models.pixel_decoders.msdeformattn import MSDeformAttn
from m2f.models.pixel_decoders.pem import PEMPyramid
from m2f.models.pixel_decoders.ppm_fpn import PyramidPoolingFPN
from m2f.models.pixel_decoders.proscale import ProScale
from m2f.models.pixel_decoders.semantic_fpn import SemanticFPN
from m2f.models.pixel_decoders.transformer_encoder_fpn import TransformerEncoderFPN

__all__ = [
    "FPN",
    "BiFPN",
    "FaPN",
    "HybridEncoder",
    "LiteMSDeformAttn",
    "MSDeformAttn",
    "MaskFormerEncoderFPN",
    "MaskFormerFPN",
    "PEMPyramid",
    "ProScale",
    "PyramidPoolingFPN",
    "SemanticFPN",
    "TransformerEncoderFPN",
]
