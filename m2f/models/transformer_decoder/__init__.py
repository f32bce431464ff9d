"""The transformer decoder and its plugs."""

from m2f.models.transformer_decoder.annealed_attention import AnnealedMaskedAttention
from m2f.models.transformer_decoder.cross_attention import SMCA, CrossAttention, MaskedAttention, MaskPooling
from m2f.models.transformer_decoder.decoder import DecoderOutput, MaskedAttentionDecoder
from m2f.models.transformer_decoder.k_means_attention import KMeansAttention
from m2f.models.transformer_decoder.learnt_soft_attention import LearntSoftMaskedAttention
from m2f.models.transformer_decoder.mask_box_attention import MaskBoxAttention
from m2f.models.transformer_decoder.mask_pilots import MaskPilots
from m2f.models.transformer_decoder.probability_attention import ProbabilityAttention
from m2f.models.transformer_decoder.prototype_attention import PrototypeAttention
from m2f.models.transformer_decoder.queries import LearnableQueries, Queries, Seen, ZeroQueries
from m2f.models.transformer_decoder.query_softmax_attention import QuerySoftmaxAttention
from m2f.models.transformer_decoder.selected_queries import SelectedQueries
from m2f.models.transformer_decoder.threshold_attention import ThresholdedAttention

__all__ = [
    "SMCA",
    "AnnealedMaskedAttention",
    "CrossAttention",
    "DecoderOutput",
    "KMeansAttention",
    "LearnableQueries",
    "LearntSoftMaskedAttention",
    "MaskBoxAttention",
    "MaskPilots",
    "MaskPooling",
    "MaskedAttention",
    "MaskedAttentionDecoder",
    "ProbabilityAttention",
    "PrototypeAttention",
    "Queries",
    "QuerySoftmaxAttention",
    "Seen",
    "SelectedQueries",
    "ThresholdedAttention",
    "ZeroQueries",
]
