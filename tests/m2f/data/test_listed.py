import pytest

from m2f.data.listed import left_out, list_of


@pytest.fixture
def dataset(tmp_path):
    """A data set of three images, one in a directory of its own, of which a list names two, and one that is gone."""
    for name in ("a.jpg", "b.jpg", "more/c.jpg", "a.txt", ".hidden.jpg"):
        (tmp_path / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "images" / name).touch()
    (tmp_path / "val.txt").write_text("a\nmore/c\ngone\n\n", encoding="utf-8-sig")
    prefix = {"img_path": "images/", "seg_map_path": "masks/"}
    return {
        "data_root": f"{tmp_path}/",
        "data_prefix": prefix,
        "ann_file": str(tmp_path / "val.txt"),
        "img_suffix": ".jpg",
    }


def test_what_no_list_names_is_left_out(dataset, tmp_path):
    assert list_of(dataset) == tmp_path / "val.txt"
    assert left_out([dataset]) == [tmp_path / "images" / "b.jpg"]
    (tmp_path / "train.txt").write_text("b")
    assert left_out([dataset, {**dataset, "ann_file": "train.txt"}]) == []


@pytest.mark.parametrize("ann_file", ["", "annotations/instances_val.json"])
def test_without_a_list_nothing_is(dataset, ann_file):
    own = {**dataset, "ann_file": ann_file}
    assert list_of(own) is None and left_out([own]) == []
