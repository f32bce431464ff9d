import pytest

from m2f.data.annotations import class_metainfo, load_annotations
from m2f.errors import InputError


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
