"""The transformer decoder and its plugs."""

from m2f.models.transformer_decoder.annealed_attention import AnnealedMaskedAttention
from m2f.models.transformer_decoder.cross_attention import SMCA, CrossAttention, MaskedAttention, MaskPooling
from m2f.models.transformer_decoder.decoder import DecoderOutput, MaskedAttentionDecoder
from m2f.models.transformer_decoder.learnt_soft_attention import LearntSoftMaskedAttention
from m2f.models.transformer_decoder.mask_box_attention import MaskBoxAttention
from m2f.models.transformer_decoder.probability_attention import ProbabilityAttention
from m2f.models.transformer_decoder.queries import LearnableQueries, Queries, Seen, ZeroQueries
from m2f.models.transformer_decoder.threshold_attention import ThresholdedAttention

__all__ = [
    "SMCA",
    "AnnealedMaskedAttention",
    "CrossAttention",
    "DecoderOutput",
    "LearnableQueries",
    "LearntSoftMaskedAttention",
    "MaskBoxAttention",
    "MaskPooling",
    "MaskedAttention",
    "MaskedAttentionDecoder",
    "ProbabilityAttention",
    "Queries",
    "Seen",
    "ThresholdedAttention",
    "ZeroQueries",
]
