"""PQ of 20 generated scenes of 560 x 560, beside panopticapi's algorithm in mmdet's copy."""

import pytest

WORKS = ["PQ, predictions in PNG files for the peer", "PQ, predictions in memory"]


@pytest.mark.parametrize("library", ["ours", "theirs"], ids=["m2f", "panopticapi"])
@pytest.mark.parametrize("work", WORKS)
def test_panoptic_quality(timed, evaluation_pairs, work, library):
    timed(work, getattr(evaluation_pairs[work], library))
