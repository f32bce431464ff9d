"""The loss on points, forward and backward, and the choice of its points, beside mmdet's.

The loss begins with mask embeddings and features of all 10 predictions and ends with their gradients; matching is part
of it on both sides. Points are chosen for 120 masks at 1/4 of 512 x 512, the matched ones of all predictions.
"""

import pytest
import torch
from mmdet.models.utils import get_uncertain_point_coords_with_randomness

from m2f.models.mask_prediction import EmbeddedMasks
from m2f.models.points import uncertain_points

POINTS, OVERSAMPLE, IMPORTANCE = 12544, 3.0, 0.75


def our_loss(models, predictions, class_logits, embeddings, features):
    masks = EmbeddedMasks(embeddings, features)
    return models.ours.criterion(class_logits, masks, predictions.labels, predictions.masks)["loss"]


def mmdets_loss(models, predictions, class_logits, embeddings, features):
    masks = torch.einsum("lbqd,bdhw->lbqhw", embeddings, features)
    losses = models.theirs.panoptic_head.loss_by_feat(
        list(class_logits), list(masks), predictions.instances, predictions.metas
    )
    return sum(losses.values())


@pytest.mark.parametrize("loss", [our_loss, mmdets_loss], ids=["m2f", "mmdet"])
def test_loss(timed, models, predictions, loss):
    leaves = (predictions.class_logits, predictions.embeddings, predictions.features)
    leaves = [leaf.clone().requires_grad_() for leaf in leaves]

    def step():
        loss(models, predictions, *leaves).backward()

    timed("loss on points", step, rounds=3)


def mmdets_points(logits):
    return get_uncertain_point_coords_with_randomness(logits, None, POINTS, OVERSAMPLE, IMPORTANCE)


def our_points(logits):
    return uncertain_points(logits, POINTS, OVERSAMPLE, IMPORTANCE)


@pytest.mark.parametrize("choose", [our_points, mmdets_points], ids=["m2f", "mmdet"])
def test_uncertain_points(timed, choose):
    torch.manual_seed(0)
    logits = torch.randn(120, 1, 128, 128)
    timed("uncertain points", lambda: choose(logits))
