"""Where the mask loss looks, against mmdet's and transformers' choice from the same random numbers."""

import pytest
import torch
from mmdet.models.utils import get_uncertain_point_coords_with_randomness

from m2f.models.points import uncertain_points


@pytest.fixture
def chosen(implementation):
    """Each library's choice of points ``[M, P, 2]`` by the same seed."""
    loss = implementation("transformers").segmenter.criterion

    def choose(library, *arguments):
        torch.manual_seed(1)
        if library == "ours":
            return uncertain_points(*arguments)
        if library == "mmdet":
            logits, *rest = arguments
            return get_uncertain_point_coords_with_randomness(logits, None, *rest)
        logits, *rest = arguments
        return loss.sample_points_using_uncertainty(logits, loss.calculate_uncertainty, *rest)

    return choose


@pytest.mark.parametrize("importance", [0.75, 1.0, 0.0])
def test_the_same_points_are_chosen(chosen, library, importance):
    logits = torch.randn(16, 1, 24, 40, generator=torch.Generator().manual_seed(0))
    ours, theirs = (chosen(name, logits, 64, 3.0, importance) for name in ("ours", library))
    assert ours.shape == theirs.shape == (16, 64, 2)
    for own, other in zip(ours, theirs, strict=True):
        assert sorted(own.tolist()) == sorted(other.tolist())
