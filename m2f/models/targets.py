"""What a sample has to be learned: ours, and those of mmdet's and mmseg's own data sets and packers."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmdet.structures.mask import BitmapMasks, PolygonMasks
from mmengine.structures import BaseDataElement
from torch import Tensor

VOID = 255


def targets_of(sample: BaseDataElement, size: torch.Size, is_thing: Sequence[bool]) -> tuple[Tensor, Tensor]:
    """Labels ``[N]`` and boolean masks ``[N, *size]`` of a sample's segments.

    Args:
        sample: with ``gt_instances``, whose ``masks`` are a tensor as ``m2f.PackSample`` leaves them, or mmdet's; with
            ``gt_sem_seg`` alone, each class is a segment; with both, as mmdet packs panoptic data, each class of stuff.
        size: of the padded batch.
        is_thing: whether each label is a thing.
    """
    instances = "gt_instances" in sample
    parts = [instance_targets(sample.gt_instances)] if instances else []
    if "gt_sem_seg" in sample:
        semantic = sample.gt_sem_seg
        label_map = semantic.sem_seg if "sem_seg" in semantic else semantic.data
        parts.append(class_targets(label_map.squeeze(0), is_thing if instances else [False] * len(is_thing)))
    labels, masks = zip(*parts, strict=True)
    return torch.cat(labels), torch.cat([pad_masks(own, size) for own in masks])


def instance_targets(instances: BaseDataElement) -> tuple[Tensor, Tensor]:
    """Labels and masks of things."""
    masks = instances.masks
    if isinstance(masks, BitmapMasks | PolygonMasks):
        masks = masks.to_tensor(torch.bool, instances.labels.device)
    return instances.labels, masks


def class_targets(label_map: Tensor, is_thing: Sequence[bool]) -> tuple[Tensor, Tensor]:
    """Labels and masks of the classes of a map ``[h, w]`` that are no things; 255 is no class."""
    labels = torch.tensor(
        [label for label in label_map.unique().tolist() if label != VOID and not is_thing[label]],
        dtype=torch.long,
        device=label_map.device,
    )
    return labels, label_map[None] == labels[:, None, None]


def pad_masks(masks: Tensor, size: torch.Size) -> Tensor:
    """Pad ``[N, h, w]`` with background below and to the right, to ``[N, *size]``."""
    return F.pad(masks, (0, size[1] - masks.shape[2], 0, size[0] - masks.shape[1]))
