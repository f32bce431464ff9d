"""What all libraries compute on when they are compared: images with objects, and weights that find some.

Weights as they are drawn say nothing: a random decoder makes all queries alike, none is sure of an object, and masks
cover all of an image or none of it. Post-processing would have little to do, and a loss of precision nothing to upset.
:func:`decide` changes the drawn weights so that queries differ and some are sure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from m2f.models import Mask2Former
from m2f.peers.settings import require_papers_design
from m2f.registry import MODELS

OBJECTS = 12  # segments an image, about COCO's mean
CALIBRATION_SIZE = 256
NOISE = 0.3  # standard deviation of an image's pixels, whose colours have 1
DAMPING = 0.1
CONTRAST = 30.0


@dataclass(frozen=True)
class Inputs:
    """A batch with its targets.

    Attributes:
        images: ``[B, 3, H, W]``, as if normalised.
        labels: per image ``[OBJECTS]`` int64.
        masks: per image boolean ``[OBJECTS, H, W]``.
    """

    images: Tensor
    labels: list[Tensor]
    masks: list[Tensor]

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """Each image's (height, width)."""
        return [(self.images.shape[2], self.images.shape[3])] * len(self.images)


def random_inputs(size: tuple[int, int], batch: int, classes: int, device: torch.device, seed: int = 0) -> Inputs:
    """Images of overlapping ellipses, each of one colour, on a ground of one colour, all with noise.

    Args:
        size: (height, width) in pixels.
        batch: how many images.
        classes: from which the objects' are drawn.
        device: where the model is.
        seed: of everything.
    """
    draw = torch.Generator().manual_seed(seed)
    labels = [torch.randint(classes, (OBJECTS,), generator=draw) for _ in range(batch)]
    masks = [ellipses(size, draw) for _ in range(batch)]
    colours = torch.randn(batch, OBJECTS + 1, 3, generator=draw)
    images = torch.stack([painted(*own) for own in zip(masks, colours, strict=True)])
    images = images + NOISE * torch.randn(images.shape, generator=draw)
    return Inputs(images.to(device), [own.to(device) for own in labels], [own.to(device) for own in masks])


def ellipses(size: tuple[int, int], draw: torch.Generator) -> Tensor:
    """Boolean masks ``[OBJECTS, H, W]``, 2% to 50% of the image wide, as many small ones as large ones."""
    cells = [(torch.arange(side) + 0.5) / side for side in size]
    centre = 0.1 + 0.8 * torch.rand(OBJECTS, 2, generator=draw)
    radius = (0.01 * 25 ** torch.rand(OBJECTS, 2, generator=draw)).clamp(min=1 / min(size))  # never less than a pixel
    down, right = (((cells[axis] - centre[:, axis, None]) / radius[:, axis, None]) ** 2 for axis in (0, 1))
    return down[:, :, None] + right[:, None, :] < 1


def painted(masks: Tensor, colours: Tensor) -> Tensor:
    """``[3, H, W]`` from masks ``[N, H, W]``, later ones on top, and colours ``[N + 1, 3]``, the first the ground's."""
    ground, *others = colours[:, :, None, None]
    image = ground.expand(3, *masks.shape[1:])
    for mask, colour in zip(masks, others, strict=True):
        image = torch.where(mask, colour, image)
    return image


def build_ours(model_config: Mapping[str, Any], device: torch.device, seed: int = 0) -> Mask2Former:
    """Our model with random weights that find objects; the same on every call.

    Under autocast its pixel decoder's linear layers and convolutions follow, which the paper's do not.

    Raises:
        InputError: the config is not the paper's default design.
    """
    require_papers_design(model_config)
    torch.manual_seed(seed)
    pixel_decoder = {**model_config["pixel_decoder"], "full_precision": False}
    model = MODELS.build({**model_config, "pixel_decoder": pixel_decoder})
    classes = model_config["num_things"] + model_config["num_stuff"]
    decide(model, random_inputs((CALIBRATION_SIZE, CALIBRATION_SIZE), 1, classes, torch.device("cpu")).images)
    return model.to(device)


@torch.no_grad()
def decide(model: Mask2Former, images: Tensor) -> None:
    """Change random weights so that about ``OBJECTS`` queries an image of this kind pass the panoptic score filter.

    Queries keep what tells them apart where each layer adds little to them. Masks cut through an image where the mask
    features' mean is zero. Class scores are clear where class logits are far apart, and the bias of "no object" says
    how many queries are left.
    """
    model.eval()
    decoder = model.transformer_decoder
    for layer in decoder.layers:
        for last in (layer.cross_attention.attention.output, layer.self_attention.output, layer.feedforward[-1]):
            last.weight.mul_(DAMPING)
            last.bias.mul_(DAMPING)
    decoder.classifier.weight.mul_(CONTRAST)
    mask_features = model.pixel_decoder(model.backbone(images))[1]
    model.pixel_decoder.mask_features.bias.sub_(mask_features.mean(dim=(0, 2, 3)))
    logits = model.decode(images, all_layers=False).class_logits[-1].flatten(0, 1)  # [B * Q, K + 1]
    room = room_for_no_object(logits, model.thresholds.score).sort(descending=True).values
    wanted = min(OBJECTS * len(images), len(room) - 1)
    decoder.classifier.bias[-1] += room[wanted - 1 : wanted + 1].mean()


def room_for_no_object(logits: Tensor, score: float) -> Tensor:
    """How much "no object" may gain until a query's best class falls to ``score``, ``[n]`` from ``[n, K + 1]``.

    Far below zero where it has less even without "no object".
    """
    best = logits[:, :-1].amax(dim=1)
    classes = (logits[:, :-1] - best[:, None]).exp().sum(dim=1)
    return (1 / score - classes).clamp(min=1e-30).log() + best - logits[:, -1]
