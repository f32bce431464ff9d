"""Panoptic, instance and semantic answers from 100 masks of 512 x 512, beside mmdet's; it has no semantic one.

The semantic peer is the formula as the reference writes it: one product, then the largest class of every pixel.
"""

import pytest
import torch

from m2f.models.inference import (
    PanopticThresholds,
    instance_segmentation,
    panoptic_segmentation,
    semantic_segmentation,
)
from m2f.models.mask_prediction import dense_logits, resize


def product_and_argmax(class_logits, masks):
    votes = class_logits.softmax(dim=-1)[:, :-1]
    return torch.einsum("qk,qhw->khw", votes, masks.sigmoid()).argmax(dim=0)


def panoptic(models, class_logits, masks):
    things, size = models.ours.is_thing, tuple(masks.shape[-2:])
    return panoptic_segmentation(class_logits, masks.__getitem__, things, size, PanopticThresholds())


ROWS = {
    ("panoptic", "m2f"): panoptic,
    ("panoptic", "mmdet"): lambda models, *given: models.theirs.panoptic_fusion_head.panoptic_postprocess(*given),
    ("instance", "m2f"): lambda models, class_logits, masks: instance_segmentation(
        class_logits, masks.__getitem__, models.ours.is_thing
    ),
    ("instance", "mmdet"): lambda models, *given: models.theirs.panoptic_fusion_head.instance_postprocess(*given),
    ("semantic", "m2f"): lambda models, *given: semantic_segmentation(*given),
    ("semantic", "formula"): lambda models, *given: product_and_argmax(*given),
}


@pytest.mark.parametrize(("task", "library"), ROWS)
def test_post_processing(timed, models, predictions, task, library):
    with torch.no_grad():
        masks = resize(dense_logits(predictions.embeddings[-1], predictions.features), (512, 512))[0]
        class_logits = predictions.class_logits[-1, 0]
        timed(f"post-processing: {task}", lambda: ROWS[task, library](models, class_logits, masks))
