"""Every loss term of every prediction against mmdet's and transformers', from the same points."""

import torch

from m2f.models.criterion import mask_count

QUERIES = 16
TOLERANCE = 1e-5  # of each term and of the total


def test_terms_of_every_prediction(steps, library, agree):
    for ours, theirs in zip(steps["ours"].terms.flatten(), steps[library].terms.flatten(), strict=True):
        agree(ours, theirs, TOLERANCE)


def test_total(steps, library, agree):
    agree(steps["ours"].total, steps[library].total, TOLERANCE)


def test_the_total_is_the_sum_of_the_terms(steps):
    for step in steps.values():
        torch.testing.assert_close(step.terms.sum(), step.total)


def test_mmdet_counts_masks_otherwise(implementation, batch, record):
    """It divides by matched pairs, an image without any counting as one, where the reference divides by targets."""
    counted = record("mmdet.models.dense_heads.mask2former_head", "reduce_mean")
    implementation("mmdet", batch.backbone).loss(batch.images, batch.labels, batch.masks)
    targets = [len(own) for own in batch.labels]
    assert mask_count(batch.masks) == sum(targets)
    assert {float(count) for (count,), _ in counted} == {sum(min(max(count, 1), QUERIES) for count in targets)}
