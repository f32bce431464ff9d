import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from m2f.data.annotations import class_metainfo, load_annotations
from m2f.data.files import load_json
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


def test_cut_off_json_is_named(tmp_path):
    (tmp_path / "half.json").write_text('{"images": [{"id": 1}, {"i')
    with pytest.raises(InputError, match=r"half\.json is not whole JSON"):
        load_json(tmp_path / "half.json")


@pytest.mark.parametrize("content", ['{"images": [], "annotations": []}', '{"images": 3}', "[]"])
def test_other_json_is_refused(tmp_path, content):
    (tmp_path / "other.json").write_text(content)
    with pytest.raises(InputError, match=r"other\.json is not an annotation file"):
        load_annotations(tmp_path / "other.json")


def test_classes_come_in_the_files_order():
    categories = [
        {"id": 7, "name": "tree", "isthing": 0},
        {"id": 3, "name": "dog", "isthing": 1, "color": [1, 2, 3]},
        {"id": 9, "name": "cat", "isthing": 1},
    ]
    metainfo = class_metainfo(categories)
    assert metainfo["classes"] == ("tree", "dog", "cat")
    assert metainfo["thing_classes"] == ("dog", "cat")
    assert metainfo["stuff_classes"] == ("tree",)
    assert metainfo["palette"][1] == (1, 2, 3)
    assert len(set(metainfo["palette"])) == 3
