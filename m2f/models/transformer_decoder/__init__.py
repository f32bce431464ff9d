"""The transformer decoder and its plugs."""

from m2f.models.transformer_decoder.cross_attention import SMCA, CrossAttention, MaskedAttention, MaskPooling
from m2f.models.transformer_decoder.decoder import DecoderOutput, MaskedAttentionDecoder
from m2f.models.transformer_decoder.queries import LearnableQueries, Queries, Seen, ZeroQueries

__all__ = [
    "SMCA",
    "CrossAttention",
    "DecoderOutput",
    "LearnableQueries",
    "MaskPooling",
    "MaskedAttention",
    "MaskedAttentionDecoder",
    "Queries",
    "Seen",
    "ZeroQueries",
]
