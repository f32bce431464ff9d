"""The transformer decoder: queries read one resolution a layer and predict after each (paper section 3.2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from mmdet.models.layers import SinePositionalEncoding
from torch import Tensor, nn

from m2f.models.layers import FeedForward, MultiHeadAttention
from m2f.models.mask_prediction import DenseMasks, EmbeddedMasks, MaskPredictions, dense_logits, resize
from m2f.models.transformer_decoder.cross_attention import Level
from m2f.registry import MODELS


@dataclass
class DecoderOutput:
    """Predictions before the first layer and after every layer, the last being the model's answer.

    L is their number: all of them in training, the last alone in inference unless all are asked for.

    Attributes:
        class_logits: ``[L, B, Q, K + 1]``, the last class being "no object".
        masks: the same predictions' masks.
    """

    class_logits: Tensor
    masks: MaskPredictions


class DecoderLayer(nn.Module):
    """Cross-attention, self-attention, feed-forward, each with a residual and a norm after it (section 3.2.3).

    Args:
        embed_dims: D.
        num_heads: heads of both attentions.
        feedforward_dims: hidden width of the feed-forward network.
        dropout: on residuals and attention weights; the paper removes it.
        cross_attention: config of the variant, without its sizes.
    """

    def __init__(
        self, embed_dims: int, num_heads: int, feedforward_dims: int, dropout: float, cross_attention: dict[str, Any]
    ) -> None:
        super().__init__()
        sizes = {"embed_dims": embed_dims, "num_heads": num_heads, "dropout": dropout}
        self.cross_attention = MODELS.build({**cross_attention, **sizes})
        self.self_attention = MultiHeadAttention(embed_dims, num_heads, dropout)
        self.feedforward = FeedForward(embed_dims, feedforward_dims, dropout)
        self.norms = nn.ModuleList(nn.LayerNorm(embed_dims) for _ in range(3))
        self.dropout = nn.Dropout(dropout)

    def forward(self, query: Tensor, query_position: Tensor, level: Level, mask_logits: Tensor | None) -> Tensor:
        """Update ``query [B, Q, D]``; arguments as in :mod:`m2f.models.transformer_decoder.cross_attention`."""
        read = self.cross_attention(query, query_position, level, mask_logits)
        query = self.norms[0](query + self.dropout(read))
        positioned = query + query_position
        query = self.norms[1](query + self.dropout(self.self_attention(positioned, positioned, query)))
        return self.norms[2](query + self.dropout(self.feedforward(query)))


@MODELS.register_module()
class MaskedAttentionDecoder(nn.Module):
    """The decoder of paper section 3.2 with its cross-attention as a plug.

    Layer i reads level ``i mod 3`` of the pyramid, from 1/32 to 1/8. Class logits and mask embeddings come from the
    normalised query after every layer, and from the raw query before the first
    (mask2former_transformer_decoder.py:366-430 of the reference).

    Args:
        num_classes: K, things and stuff together.
        cross_attention: config of the cross-attention, e.g. ``dict(type="MaskedAttention")``.
        queries: config of the queries, e.g. ``dict(type="LearnableQueries", num_queries=100)``.
        embed_dims: D, also the pixel decoder's width.
        num_heads: heads of every attention.
        feedforward_dims: hidden width of the feed-forward networks.
        num_layers: layers, 9 in the paper.
        dropout: on residuals and attention weights, 0 in the paper.
        strides: strides of the pyramid's levels, coarse to fine.
        mask_prediction: ``"embedded"`` computes mask logits where they are used; ``"dense"`` computes every mask at
            1/4 resolution after every layer that needs one, as the reference does.
    """

    def __init__(
        self,
        num_classes: int,
        cross_attention: dict[str, Any],
        queries: dict[str, Any],
        embed_dims: int = 256,
        num_heads: int = 8,
        feedforward_dims: int = 2048,
        num_layers: int = 9,
        dropout: float = 0.0,
        strides: Sequence[int] = (32, 16, 8),
        mask_prediction: str = "embedded",
    ) -> None:
        super().__init__()
        if mask_prediction not in ("embedded", "dense"):
            raise ValueError(f"mask_prediction must be 'embedded' or 'dense', not {mask_prediction!r}")
        self.dense = mask_prediction == "dense"
        self.strides = tuple(strides)
        self.queries = MODELS.build({**queries, "embed_dims": embed_dims})
        self.level_embedding = nn.Embedding(len(self.strides), embed_dims)
        self.position_encoding = SinePositionalEncoding(embed_dims // 2, normalize=True)
        layers = [
            DecoderLayer(embed_dims, num_heads, feedforward_dims, dropout, cross_attention) for _ in range(num_layers)
        ]
        self.layers = nn.ModuleList(layers)
        self.needs_masks = layers[0].cross_attention.needs_masks
        self.norm = nn.LayerNorm(embed_dims)
        self.classifier = nn.Linear(embed_dims, num_classes + 1)
        self.mask_embedding = nn.Sequential(
            nn.Linear(embed_dims, embed_dims),
            nn.ReLU(inplace=True),
            nn.Linear(embed_dims, embed_dims),
            nn.ReLU(inplace=True),
            nn.Linear(embed_dims, embed_dims),
        )

    def forward(self, pyramid: Sequence[Tensor], mask_features: Tensor, all_layers: bool) -> DecoderOutput:
        """Predict from the pixel decoder's features.

        Args:
            pyramid: ``[B, D, h, w]`` at each of ``strides``, coarse to fine.
            mask_features: ``[B, D, H/4, W/4]``.
            all_layers: whether every layer's prediction is wanted, as in training, or the last alone.
        """
        levels = [self._level(index, features) for index, features in enumerate(pyramid)]
        steering = self._steering_features(mask_features, levels)
        query, position = self.queries(len(mask_features))
        predictions = []
        for index, layer in enumerate(self.layers):
            level = levels[index % len(levels)]
            mask_logits = None
            if all_layers or self.needs_masks:
                state, masks = self._predict(query, mask_features)
                if all_layers:
                    predictions.append((state, masks))
                if self.needs_masks:
                    mask_logits = attention_logits(masks, steering[index % len(levels)], level.size)
            query = layer(query, position, level, mask_logits)
        predictions.append(self._predict(query, mask_features))
        states, masks = (torch.stack(parts) for parts in zip(*predictions, strict=True))
        answer = DenseMasks(masks) if self.dense else EmbeddedMasks(masks, mask_features)
        return DecoderOutput(self.classifier(states), answer)

    def _predict(self, query: Tensor, mask_features: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised queries ``[B, Q, D]`` and their masks: embeddings ``[B, Q, D]`` or dense ``[B, Q, h, w]``."""
        state = self.norm(query)
        embedding = self.mask_embedding(state)
        return state, dense_logits(embedding, mask_features) if self.dense else embedding

    @torch.no_grad()
    def _steering_features(self, mask_features: Tensor, levels: Sequence[Level]) -> list[Tensor | None]:
        """Mask features at each level's size, where attention masks come from embeddings."""
        if self.dense or not self.needs_masks:
            return [None] * len(levels)
        return [resize(mask_features, level.size) for level in levels]

    def _level(self, index: int, features: Tensor) -> Level:
        size = features.shape[-2:]
        tokens = features.flatten(2).transpose(1, 2)  # [B, h*w, D]
        unmasked = torch.zeros(1, *size, dtype=torch.bool, device=features.device)
        position = self.position_encoding(unmasked).flatten(2).transpose(1, 2)
        return Level(tokens + self.level_embedding.weight[index], position, (size[0], size[1]), self.strides[index])


@torch.no_grad()
def attention_logits(masks: Tensor, features: Tensor | None, size: tuple[int, int]) -> Tensor:
    """Mask logits ``[B, Q, *size]`` that steer a cross-attention.

    Args:
        masks: embeddings ``[B, Q, D]`` if there are ``features``, dense logits ``[B, Q, h, w]`` otherwise.
        features: mask features resized to ``size``.
        size: the level's ``(h, w)``.
    """
    return resize(masks, size) if features is None else dense_logits(masks, features)
