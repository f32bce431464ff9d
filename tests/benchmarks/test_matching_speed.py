"""Matching of all 10 predictions of 100 queries with 12 segments at 12544 points, beside mmdet's layer by layer."""

import pytest
import torch

from m2f.models.mask_prediction import EmbeddedMasks


def ours(models, predictions):
    masks = EmbeddedMasks(predictions.embeddings, predictions.features)

    def match():
        models.ours.criterion.match(predictions.class_logits, masks, predictions.labels, predictions.masks)

    return match


def mmdets(models, predictions):
    """From dense masks at 1/4, which its decoder has made before."""
    masks = torch.einsum("lbqd,bdhw->lbqhw", predictions.embeddings, predictions.features)

    def match():
        for class_logits, own in zip(predictions.class_logits, masks, strict=True):
            models.theirs.panoptic_head.get_targets(
                list(class_logits), list(own), predictions.instances, predictions.metas
            )

    return match


@pytest.mark.parametrize("library", [ours, mmdets], ids=["m2f", "mmdet"])
def test_matching(timed, models, predictions, library):
    with torch.no_grad():
        timed("matching", library(models, predictions))
