import numpy as np
import pycocotools.mask
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from m2f.metrics.mask_codes import encode_masks


def by_pycocotools(masks):
    return pycocotools.mask.encode(np.asfortranarray(masks.transpose(1, 2, 0).astype(np.uint8)))


@settings(deadline=None)  # compiled on first use
@given(hnp.arrays(bool, st.tuples(st.integers(1, 3), st.integers(1, 20), st.integers(1, 20))))
def test_same_bytes_as_pycocotools(masks):
    assert encode_masks(torch.from_numpy(masks)) == by_pycocotools(masks)


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 1])
def test_large_masks(share):
    """Runs of many lengths, up to one of all 250 x 300 pixels, and rows that are no multiple of 8 wide."""
    rng = np.random.default_rng(0)
    masks = rng.random((2, 50, 60)).repeat(5, axis=1).repeat(5, axis=2)[:, :, 1:] < share
    assert encode_masks(torch.from_numpy(masks)) == by_pycocotools(masks)


def test_masks_that_lie_otherwise_in_memory():
    masks = torch.from_numpy(np.random.default_rng(0).random((9, 4, 6)) < 0.5)
    assert encode_masks(masks.permute(2, 0, 1)) == by_pycocotools(masks.permute(2, 0, 1).numpy())


def test_no_masks():
    assert encode_masks(torch.zeros(0, 4, 5, dtype=torch.bool)) == []
