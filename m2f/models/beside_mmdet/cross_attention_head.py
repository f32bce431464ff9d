"""mmdet's Mask2Former with a cross-attention of ours: a line in its config."""

from collections.abc import Mapping, Sequence
from typing import Any

from mmdet.models.dense_heads import Mask2FormerHead as TheirHead
from mmengine.model import BaseModule
from torch import Tensor, nn

from m2f.models.transformer_decoder.cross_attention import Level
from m2f.models.transformer_decoder.decoder import PYRAMID
from m2f.registry import MODELS


@MODELS.register_module()
class Mask2FormerHead(TheirHead):
    """mmdet's ``Mask2FormerHead`` whose decoder layers read the image with a cross-attention of ours.

    Args:
        cross_attention: config or name of one, such as ``"m2f.MaskPooling"``, without its sizes.
        kwargs: mmdet's.
    """

    def __init__(self, cross_attention: Mapping[str, Any] | str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        config = {"type": cross_attention} if isinstance(cross_attention, str) else dict(cross_attention)
        self.readers: list[Reader] = []
        for index, layer in enumerate(self.transformer_decoder.layers):
            theirs = layer.cross_attn
            sizes = {"embed_dims": theirs.embed_dims, "num_heads": theirs.num_heads}
            layer.cross_attn = Reader(MODELS.build({**config, **sizes}), index % self.num_transformer_feat_level)
            self.readers.append(layer.cross_attn)
        self.pixel_decoder.register_forward_hook(self._tell_sizes)

    def init_weights(self) -> None:
        """mmdet's, but for our cross-attentions, which have initialised themselves."""
        own = {name: value.clone() for name, value in self.state_dict().items() if ".cross_attn." in name}
        super().init_weights()
        self.load_state_dict(own, strict=False)

    def _tell_sizes(self, module: nn.Module, inputs: Any, outputs: tuple[Tensor, Sequence[Tensor]]) -> None:
        """Tell the readers the heights and widths of the maps, which mmdet flattens."""
        for reader in self.readers:
            reader.size = (outputs[1][reader.level].shape[2], outputs[1][reader.level].shape[3])


class Reader(BaseModule):
    """A cross-attention of ours where mmdet's layer has its own, with its arguments.

    Args:
        attention: the cross-attention.
        level: which of the maps it reads, the coarsest first.
    """

    def __init__(self, attention: nn.Module, level: int) -> None:
        super().__init__()
        self.attention = attention
        self.level = level
        self.size = (0, 0)

    def init_weights(self) -> None:
        """Nothing: ours has initialised itself."""

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        query_pos: Tensor,
        key_pos: Tensor,
        attn_mask: Tensor,
        **unused: Any,
    ) -> Tensor:
        """Read the image.

        Args:
            query: ``[B, Q, D]``.
            key: ``[B, N, D]``, as ``value``.
            value: ``[B, N, D]``, features plus their level's embedding.
            query_pos: ``[B, Q, D]``.
            key_pos: ``[B, N, D]``.
            attn_mask: boolean ``[B * heads, Q, N]``, true where a query's mask is background; false for an empty mask.
            unused: of mmdet's.

        Returns:
            ``[B, Q, D]``, the query added.
        """
        level = Level(value, key_pos, (self.size,), (PYRAMID[self.level],))
        background = attn_mask.view(len(query), -1, *attn_mask.shape[1:])[:, 0]
        signs = 1 - 2 * background.to(query.dtype)  # of the mask's logits, of which ours take nothing else
        return query + self.attention(query, query_pos, level, signs)
