"""PEM's pyramid of deformable convolutions (CVPR 2024, arXiv 2402.19422)."""

from collections.abc import Sequence

from mmcv.cnn import ConvModule
from torch import Tensor, nn

from m2f.models.arguments import require_divisible
from m2f.models.pixel_decoders.deformable_convolution import TAPS, modulated_deformable_convolution
from m2f.models.pixel_decoders.fpn import initialise_convolutions
from m2f.registry import MODELS


class SelfModulation(nn.Module):
    """``x + x * sigmoid(W2 relu(norm(W1 mean x)))``, the mean over all places, with half as many channels between."""

    def __init__(self, embed_dims: int) -> None:
        super().__init__()
        hidden = embed_dims // 2
        self.importance = nn.Sequential(
            nn.Conv2d(embed_dims, hidden, 1, bias=False),
            nn.GroupNorm(1, hidden),
            nn.ReLU(),
            nn.Conv2d(hidden, embed_dims, 1, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, level: Tensor) -> Tensor:
        """``[B, D, h, w]`` to the same."""
        return level + level * self.importance(level.mean(dim=(2, 3), keepdim=True))


class DeformableStep(nn.Module):
    """A modulated deformable 3x3 convolution of one group, and a transposed 4x4 one that doubles the size.

    At first no tap is moved and all weigh a half, as in DCNv2.
    """

    def __init__(self, embed_dims: int, norm_groups: int) -> None:
        super().__init__()
        self.steering = nn.Conv2d(embed_dims, TAPS * 3, 3, padding=1)
        self.convolution = nn.Conv2d(embed_dims, embed_dims, 3, padding=1)
        self.norm = nn.GroupNorm(norm_groups, embed_dims)
        self.upsampling = nn.Sequential(
            nn.ConvTranspose2d(embed_dims, embed_dims, 4, stride=2, padding=1, bias=False),
            nn.GroupNorm(norm_groups, embed_dims),
            nn.ReLU(),
        )
        initialise_convolutions(self)
        nn.init.zeros_(self.steering.weight)

    def forward(self, level: Tensor) -> tuple[Tensor, Tensor]:
        """``[B, D, h, w]`` to the same, and to ``[B, D, 2h, 2w]``."""
        steering = self.steering(level).unflatten(1, (1, TAPS, 3))
        offsets, masks = steering[:, :, :, :2], steering[:, :, :, 2].sigmoid()
        weight, bias = self.convolution.weight, self.convolution.get_parameter("bias")
        output = self.norm(modulated_deformable_convolution(level, offsets, masks, weight, bias)).relu()
        return output, self.upsampling(output)


@MODELS.register_module()
class PEMPyramid(nn.Module):
    """From coarse to fine: a modulated lateral plus the coarser level, a deformable convolution, an upsampling one.

    Laterals are 1x1 convolutions with norm and ReLU; what the whole map says strengthens their channels; 1/32 also has
    the mean of the backbone's last features. The deformable convolution's output is what the decoder reads. Mask
    features at 1/4 are a 1x1 convolution with norm and ReLU, so that masks see no negative feature
    (pem_pixel_decoder.py:60-258, read for the formulas: no licence).

    Chosen here: one sigmoid of a level's importance, where the release takes the sigmoid of a sigmoid; group norms for
    its batch norms over processes, over all channels at once where there is one place; upsampled maps are cut where the
    finer level is odd. PEM's pyramid has half the width of its decoder, whose own 1x1 convolutions widen the levels.

    Args:
        in_channels: the backbone's channels at 1/4, 1/8, 1/16, 1/32.
        embed_dims: D, channels of every output.
        norm_groups: groups of the group norms.
        narrowing: by how much the pyramid is narrower than D, 2 in PEM.
    """

    def __init__(
        self, in_channels: Sequence[int], embed_dims: int = 256, norm_groups: int = 32, narrowing: int = 1
    ) -> None:
        super().__init__()
        require_divisible(embed_dims, narrowing=narrowing)
        width = embed_dims // narrowing
        norm = {"type": "GN", "num_groups": norm_groups}
        self.laterals = nn.ModuleList(ConvModule(channels, width, 1, norm_cfg=norm) for channels in in_channels)
        self.modulations = nn.ModuleList(SelfModulation(width) for _ in in_channels)
        self.whole = ConvModule(in_channels[-1], width, 1, norm_cfg={"type": "GN", "num_groups": 1})
        self.steps = nn.ModuleList(DeformableStep(width, norm_groups) for _ in in_channels[1:])
        self.widenings = nn.ModuleList(
            nn.Conv2d(width, embed_dims, 1) if width < embed_dims else nn.Identity() for _ in self.steps
        )
        self.mask_features = ConvModule(width, embed_dims, 1, norm_cfg=norm)
        for part in (self.laterals, self.modulations, self.whole, self.widenings, self.mask_features):
            initialise_convolutions(part)

    def forward(self, features: Sequence[Tensor]) -> tuple[list[Tensor], Tensor]:
        """From backbone features fine to coarse to the pyramid 1/32, 1/16, 1/8 and mask features at 1/4."""
        finest, *laterals = [
            modulation(lateral(feature))
            for modulation, lateral, feature in zip(self.modulations, self.laterals, features, strict=True)
        ]
        coarser = self.whole(features[-1].mean(dim=(2, 3), keepdim=True))
        pyramid = []
        for lateral, step, widening in zip(laterals[::-1], self.steps, self.widenings, strict=True):
            level, coarser = step(lateral + cut(coarser, lateral))
            pyramid.append(widening(level))
        return pyramid, self.mask_features(finest + cut(coarser, finest))


def cut(maps: Tensor, like: Tensor) -> Tensor:
    """``[B, D, h, w]`` without the rows and columns that ``like`` has not."""
    return maps[:, :, : like.shape[2], : like.shape[3]]
