import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from m2f.metrics.overlap_areas import overlap_areas

SHAPES = st.shared(st.tuples(st.integers(1, 5), st.integers(1, 5)), key="shape")
MAPS = hnp.arrays(np.int32, SHAPES, elements=st.sampled_from([0, 1, 2, 3, 70000]))


@settings(deadline=None)  # compiled on first use
@given(MAPS, MAPS, st.permutations([0, 1, 70000]), st.permutations([2, 0, 5]))
def test_same_as_counting_every_pair(first, second, rows, columns):
    areas = overlap_areas(first, rows, second, columns)
    assert areas.shape == (4, 4)
    assert areas.sum() == first.size
    for row, column in np.ndindex(3, 3):
        assert areas[row, column] == ((first == rows[row]) & (second == columns[column])).sum()
    assert (areas[:3, 3] == [((first == row) & ~np.isin(second, columns)).sum() for row in rows]).all()
    assert (areas[3, :3] == [(~np.isin(first, rows) & (second == column)).sum() for column in columns]).all()


def test_without_segments():
    assert overlap_areas(np.zeros((2, 3), np.int32), [], np.ones((2, 3), np.int32), []).tolist() == [[6]]


def test_maps_of_different_size():
    with pytest.raises(ValueError, match=r"\(3, 2\).*\(2, 3\)"):
        overlap_areas(np.zeros((2, 3), np.int32), [], np.zeros((3, 2), np.int32), [])
