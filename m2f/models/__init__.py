"""The model, from images to masks and losses, as components of scope ``m2f``: no data set, metric or training here."""

from m2f import registry  # noqa: F401  first of all: mmdet's models ask for compiled ops, for which it provides
from m2f.models import beside_mmdet, pixel_decoders, transformer_decoder
from m2f.models.criterion import PointCriterion
from m2f.models.inspection import AttentionInspector, LayerInspector
from m2f.models.multi_scale import MultiScale
from m2f.models.quality_criterion import QualityCriterion
from m2f.models.segmentor import Mask2Former
from m2f.models.shared_matching import SharedMatchingCriterion

__all__ = [
    "AttentionInspector",
    "LayerInspector",
    "Mask2Former",
    "MultiScale",
    "PointCriterion",
    "QualityCriterion",
    "SharedMatchingCriterion",
    "beside_mmdet",
    "pixel_decoders",
    "transformer_decoder",
]
