"""The transformer decoder: queries read one resolution a layer and predict after each (paper section 3.2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from mmdet.models.layers import SinePositionalEncoding
from torch import Tensor, nn

from m2f.models.arguments import require_whole
from m2f.models.layers import FeedForward, MultiHeadAttention
from m2f.models.mask_prediction import DenseMasks, EmbeddedMasks, MaskPredictions, dense_logits, resize
from m2f.models.transformer_decoder.companions import Company
from m2f.models.transformer_decoder.cross_attention import Level
from m2f.models.transformer_decoder.queries import Seen
from m2f.registry import MODELS

PYRAMID = (32, 16, 8)  # strides of the levels that a pixel decoder gives

Truth = tuple[Sequence[Tensor], Sequence[Tensor]]
"""Labels ``[N]`` int64 and boolean masks ``[N, H, W]`` at the padded input's size, of each image."""


@dataclass
class DecoderOutput:
    """Predictions before the first layer, if the queries are supervised, and after every layer, the last the answer.

    L is their number: all of them in training, the last alone in inference unless all are asked for.

    Attributes:
        class_logits: ``[L, B, Q, K + 1]``, the last class being "no object".
        masks: the same predictions' masks.
        company: the predictions of the companions, in training with them.
    """

    class_logits: Tensor
    masks: MaskPredictions
    company: "DecoderOutput | None" = None

    def at_layer(self, layer: int) -> "DecoderOutput":
        """One of the L predictions alone."""
        return DecoderOutput(self.class_logits[layer, None], self.masks.at_layer(layer))

    def accompanied(self, companions: int) -> "DecoderOutput":
        """The same with the last of the queries, so many, as the others' company."""
        queries = self.class_logits.shape[2] - companions
        own, company = (
            DecoderOutput(self.class_logits[:, :, part], self.masks.of_queries(part))
            for part in (slice(queries), slice(queries, None))
        )
        return replace(own, company=company)


torch.export.register_dataclass(DecoderOutput, serialized_type_name="m2f.DecoderOutput")


class DecoderLayer(nn.Module):
    """Cross-attention, self-attention, feed-forward, each with a residual and a norm after it (section 3.2.3).

    With ``cross_attention_first`` off, self-attention comes before cross-attention, as in DETR.

    Args:
        embed_dims: D.
        num_heads: heads of both attentions.
        feedforward_dims: hidden width of the feed-forward network.
        dropout: on residuals, attention weights and the feed-forward network's hidden units; the paper removes it.
        cross_attention: config of the variant, without its sizes.
        cross_attention_first: the order of the two attentions.
    """

    def __init__(
        self,
        embed_dims: int,
        num_heads: int,
        feedforward_dims: int,
        dropout: float,
        cross_attention: dict[str, Any],
        cross_attention_first: bool,
    ) -> None:
        super().__init__()
        self.cross_attention_first = cross_attention_first
        sizes = {"embed_dims": embed_dims, "num_heads": num_heads, "dropout": dropout}
        self.cross_attention = MODELS.build({**cross_attention, **sizes})
        self.self_attention = MultiHeadAttention(embed_dims, num_heads, dropout)
        self.feedforward = FeedForward(embed_dims, feedforward_dims, dropout)
        self.norms = nn.ModuleList(nn.LayerNorm(embed_dims) for _ in range(3))
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        query: Tensor,
        query_position: Tensor,
        level: Level,
        mask_logits: Tensor | None,
        company: Company | None = None,
    ) -> Tensor:
        """Update ``query [B, Q, D]``; arguments as in :mod:`m2f.models.transformer_decoder.cross_attention`.

        With ``company`` its companions are the last of the queries.
        """
        if self.cross_attention_first:
            query = self._read(query, query_position, level, mask_logits, company)
            query = self._exchange(query, query_position, company)
        else:
            query = self._exchange(query, query_position, company)
            query = self._read(query, query_position, level, mask_logits, company)
        return self.norms[2](query + self.dropout(self.feedforward(query)))

    def _read(
        self,
        query: Tensor,
        query_position: Tensor,
        level: Level,
        mask_logits: Tensor | None,
        company: Company | None,
    ) -> Tensor:
        if company is None:
            read = self.cross_attention(query, query_position, level, mask_logits)
        else:
            read = company.apart(self.cross_attention, query, query_position, level, mask_logits)
        return self.norms[0](query + self.dropout(read))

    def _exchange(self, query: Tensor, query_position: Tensor, company: Company | None) -> Tensor:
        positioned = query + query_position
        visible = None if company is None else company.visible()
        return self.norms[1](query + self.dropout(self.self_attention(positioned, positioned, query, visible)))


@MODELS.register_module()
class MaskedAttentionDecoder(nn.Module):
    """The decoder of paper section 3.2 with its queries, cross-attention and resolutions as plugs.

    Layer i reads ``reads[i mod len(reads)]``: by default one level of the pyramid after the other, from 1/32 to 1/8.
    Class logits and mask embeddings come from the normalised query after every layer, and from the raw query before the
    first (mask2former_transformer_decoder.py:366-430 of the reference).

    With standard cross-attention at 1/32, zero queries, self-attention first and dropout 0.1 this is MaskFormer's
    decoder (Table XII(b)). One level alone has no level embedding: a constant on all keys and values tells nothing
    apart, the values' projection has a bias of its own, and MaskFormer has none.

    Args:
        num_classes: K, things and stuff together.
        cross_attention: config of the cross-attention, e.g. ``dict(type="MaskedAttention")``.
        queries: config of the queries, e.g. ``dict(type="LearnableQueries", num_queries=100)``.
        embed_dims: D, also the pixel decoder's width.
        num_heads: heads of every attention.
        feedforward_dims: hidden width of the feed-forward networks.
        num_layers: layers, 9 in the paper.
        dropout: on residuals, attention weights and the feed-forward networks' hidden units, the places where DETR and
            the reference's layers have it; 0 in the paper.
        cross_attention_first: whether a layer reads the image before its queries exchange, as in the paper, or after.
        reads: strides that the layers read in turn; several in one entry are read together, one after the other.
        mask_prediction: ``"embedded"`` computes mask logits where they are used; ``"dense"`` computes every mask at
            1/4 resolution after every layer that needs one, as the reference does.
        companions: config of further queries in training, see :mod:`m2f.models.transformer_decoder.companions`; the
            paper has none.

    Attributes:
        first_prediction: the layer after which the first of all predictions is made, 0 being before any.
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
        cross_attention_first: bool = True,
        reads: Sequence[Sequence[int]] = ((32,), (16,), (8,)),
        mask_prediction: str = "embedded",
        companions: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if mask_prediction not in ("embedded", "dense"):
            raise ValueError(f"mask_prediction must be 'embedded' or 'dense', not {mask_prediction!r}")
        require_whole(num_layers=num_layers)
        self.dense = mask_prediction == "dense"
        self.reads = [tuple(strides) for strides in reads]
        self.strides = sorted({stride for strides in self.reads for stride in strides}, reverse=True)
        if not self.strides or not set(self.strides) <= set(PYRAMID):
            raise ValueError(f"reads must name strides of {PYRAMID}, not {reads!r}")
        self.queries = MODELS.build({**queries, "embed_dims": embed_dims})
        self.first_prediction = 0 if self.queries.supervised else 1
        self.level_embedding = nn.Embedding(len(self.strides), embed_dims) if len(self.strides) > 1 else None
        self.position_encoding = SinePositionalEncoding(embed_dims // 2, normalize=True)
        layers = [
            DecoderLayer(embed_dims, num_heads, feedforward_dims, dropout, cross_attention, cross_attention_first)
            for _ in range(num_layers)
        ]
        for index, layer in enumerate(layers):
            layer.cross_attention.place = (index, num_layers)
        self.layers = nn.ModuleList(layers)
        self.norm = nn.LayerNorm(embed_dims)
        self.classifier = nn.Linear(embed_dims, num_classes + 1)
        self.mask_embedding = nn.Sequential(
            nn.Linear(embed_dims, embed_dims),
            nn.ReLU(inplace=True),
            nn.Linear(embed_dims, embed_dims),
            nn.ReLU(inplace=True),
            nn.Linear(embed_dims, embed_dims),
        )
        # Last, so that all else begins with the weights that it has without companions.
        own = {"num_classes": num_classes, "embed_dims": embed_dims}
        self.companions = MODELS.build({**companions, **own}) if companions else None

    def forward(
        self, pyramid: Sequence[Tensor], mask_features: Tensor, all_layers: bool, truth: Truth | None = None
    ) -> DecoderOutput:
        """Predict from the pixel decoder's features.

        Args:
            pyramid: ``[B, D, h, w]`` at 1/32, 1/16 and 1/8.
            mask_features: ``[B, D, H/4, W/4]``.
            all_layers: whether every layer's prediction is wanted, as in training, or the last alone.
            truth: labels ``[N]`` and boolean masks ``[N, H, W]`` of each image, for the companions of a training step.
        """
        by_stride = dict(zip(PYRAMID, pyramid, strict=True))
        levels = [self._level({stride: by_stride[stride] for stride in strides}) for strides in self.reads]
        steering = self._steering_features(mask_features, levels)
        query, position = self.queries(Seen(pyramid, mask_features, self._classify))
        queries, company = query.shape[1], self._company(query, truth)
        if company:
            query, position = company.joined(query, position)
        predictions = []
        for index, layer in enumerate(self.layers):
            level = levels[index % len(levels)]
            mask_logits = None
            wanted = all_layers and index >= self.first_prediction
            needed = self._needs_masks(index)
            if wanted or needed:
                state, masks = self._predict(query, mask_features)
                if wanted:
                    predictions.append((state, masks))
                if needed:
                    mask_logits = attention_logits(masks, steering[index % len(levels)], level.sizes)
                    if company:
                        mask_logits = company.forced(mask_logits, level.sizes)
            if index == 0 and self.queries.detached:
                query = torch.cat([query[:, :queries].detach(), query[:, queries:]], dim=1)
            query = layer(query, position, level, mask_logits, company)
        predictions.append(self._predict(query, mask_features))
        states, masks = (torch.stack(parts) for parts in zip(*predictions, strict=True))
        answer = DenseMasks(masks) if self.dense else EmbeddedMasks(masks, mask_features)
        output = DecoderOutput(self.classifier(states), answer)
        return output.accompanied(company.number) if company else output

    def _needs_masks(self, layer: int) -> bool:
        """Whether a layer is steered by masks in this pass."""
        attention: Any = self.layers[layer].cross_attention
        return bool(attention.needs_masks)

    def _company(self, query: Tensor, truth: Truth | None) -> Company | None:
        """The companions of a training step, if there are to be any, and targets for them."""
        if self.companions is None or truth is None or not any(map(len, truth[0])):
            return None
        return self.companions(query, *truth)

    def _predict(self, query: Tensor, mask_features: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised queries ``[B, Q, D]`` and their masks: embeddings ``[B, Q, D]`` or dense ``[B, Q, h, w]``."""
        state = self.norm(query)
        embedding = self.mask_embedding(state)
        return state, dense_logits(embedding, mask_features) if self.dense else embedding

    def _classify(self, tokens: Tensor) -> Tensor:
        """Class logits ``[B, n, K + 1]`` of any tokens ``[B, n, D]``, as those of queries."""
        return self.classifier(self.norm(tokens))

    @torch.no_grad()
    def _steering_features(self, mask_features: Tensor, levels: Sequence[Level]) -> list[Tensor | None]:
        """Mask features at each level's cells ``[B, D, N]``, where attention masks come from embeddings."""
        if self.dense or not any(map(self._needs_masks, range(len(self.layers)))):
            return [None] * len(levels)
        return [at_cells(mask_features, level.sizes) for level in levels]

    def _level(self, features: Mapping[int, Tensor]) -> Level:
        sources, positions, sizes = [], [], []
        for stride, level in features.items():
            size = (level.shape[2], level.shape[3])
            tokens = level.flatten(2).transpose(1, 2)  # [B, h*w, D]
            if self.level_embedding is not None:
                tokens = tokens + self.level_embedding.weight[self.strides.index(stride)]
            unmasked = torch.zeros(1, *size, dtype=torch.bool, device=level.device)
            sources.append(tokens)
            positions.append(self.position_encoding(unmasked).flatten(2).transpose(1, 2))
            sizes.append(size)
        return Level(torch.cat(sources, dim=1), torch.cat(positions, dim=1), tuple(sizes), tuple(features))


@torch.no_grad()
def attention_logits(masks: Tensor, features: Tensor | None, sizes: Sequence[tuple[int, int]]) -> Tensor:
    """Mask logits ``[B, Q, N]`` that steer a cross-attention.

    Args:
        masks: embeddings ``[B, Q, D]`` if there are ``features``, dense logits ``[B, Q, h, w]`` otherwise.
        features: mask features ``[B, D, N]`` at the cells that are read.
        sizes: ``(h, w)`` of each resolution that is read.
    """
    return at_cells(masks, sizes) if features is None else masks @ features


def at_cells(maps: Tensor, sizes: Sequence[tuple[int, int]]) -> Tensor:
    """``[B, C, h, w]`` resized to each of ``sizes``, one after the other, ``[B, C, N]``."""
    return torch.cat([resize(maps, size).flatten(2) for size in sizes], dim=2)
