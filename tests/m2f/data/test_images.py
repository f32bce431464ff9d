import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from m2f.data.images import encode_png, read_image, read_segment_ids, segment_colours
from m2f.errors import InputError


@settings(deadline=None)  # the decoder is compiled on first use
@given(hnp.arrays(np.int32, st.tuples(st.integers(1, 8), st.integers(1, 8)), elements=st.integers(0, 2**24 - 1)))
def test_segment_ids_survive_a_panoptic_png(tmp_path_factory, segment_ids):
    path = tmp_path_factory.mktemp("png") / "panoptic.png"
    path.write_bytes(encode_png(segment_colours(segment_ids), compression=1))
    assert (read_segment_ids(path) == segment_ids).all()


def test_missing_image_is_named(tmp_path):
    with pytest.raises(InputError, match=r"gone\.png does not exist"):
        read_image(tmp_path / "gone.png")


def test_file_that_is_no_image_is_named(tmp_path):
    (tmp_path / "letter.png").write_text("dear reader")
    with pytest.raises(InputError, match=r"letter\.png is not a readable image"):
        read_image(tmp_path / "letter.png")
