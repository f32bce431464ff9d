import pytest

from m2f.data.class_file import check_class_file, read_class_file
from m2f.errors import InputError
from m2f.openmmlab import ADE20KDataset


@pytest.mark.parametrize(
    ("text", "names", "zero_is_void"),
    [
        ("straße\nhaus", ("straße", "haus"), False),
        (" crop \n\nweed\n", ("crop", "weed"), False),
        ("-\ncrop\nweed", ("crop", "weed"), True),
    ],
)
def test_a_name_a_line(tmp_path, text, names, zero_is_void):
    (tmp_path / "classes.txt").write_text(text, encoding="utf-8-sig")
    file = read_class_file(tmp_path)
    assert (file.path, file.names, file.zero_is_void) == (tmp_path / "classes.txt", names, zero_is_void)


def test_no_file_is_as_an_empty_one(tmp_path):
    assert read_class_file(tmp_path) is None
    (tmp_path / "classes.txt").write_text("\n")
    assert read_class_file(tmp_path) is None


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("straße\nhaus".encode("latin-1"), r"classes\.txt is no text in UTF-8; save it"),
        (b"haus\nhaus", r"classes\.txt names two classes 'haus'; rename one"),
        (b"crop\n-\nweed", r"classes\.txt has a line '-' that is not the first, .*; write 255 in the maps"),
        (b"-\n-\nweed", r"classes\.txt has a line '-' that is not the first"),
    ],
)
def test_what_names_no_classes_is_refused(tmp_path, content, sentence):
    (tmp_path / "classes.txt").write_bytes(content)
    with pytest.raises(InputError, match=sentence):
        read_class_file(tmp_path)


def dataset(root, **more):
    return {
        "type": "mmseg.BaseSegDataset",
        "data_root": f"{root}/",
        "metainfo": {"classes": ["crop", "weed"]},
        **more,
    }


@pytest.mark.parametrize(
    ("lines", "more"),
    [
        (("crop", "weed"), {}),
        (("crop", "weed"), {"reduce_zero_label": True}),
        (("-", "crop", "weed"), {"reduce_zero_label": True}),
        ((), {}),
        (("weed",), {"type": "m2f.CocoPanopticSegments"}),
        (("weed",), {"type": "none.of.anyone"}),
        (("-", *ADE20KDataset.METAINFO["classes"]), {"type": "mmseg.ADE20KDataset", "metainfo": {}}),
    ],
)
def test_a_config_with_the_files_classes_is_taken(tmp_path, lines, more):
    (tmp_path / "classes.txt").write_text("\n".join(lines))
    check_class_file(dataset(tmp_path, **more))


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (
            ("weed", "crop"),
            r"Class 0 is 'weed' in .*/classes\.txt, but 'crop' in the config; if the labels mean the same",
        ),
        (
            ("crop", "weed", "soil"),
            r"Class 2 is 'soil' in .*/classes\.txt, but missing in the config \(3 and 2 in all\)",
        ),
        (
            ("-", "crop", "weed"),
            r"classes\.txt says with a line '-' .* takes it for 'crop'; set reduce_zero_label=True",
        ),
    ],
)
def test_a_config_with_other_classes_is_refused(tmp_path, lines, sentence):
    (tmp_path / "classes.txt").write_text("\n".join(lines))
    with pytest.raises(InputError, match=sentence):
        check_class_file(dataset(tmp_path))


def test_a_type_has_classes_too(tmp_path):
    """ADE20K's images may have been given other maps, which its own config would take for its labels."""
    (tmp_path / "classes.txt").write_text("crop\nweed")
    with pytest.raises(InputError, match=r"Class 0 is 'crop' in .*/classes\.txt, but 'wall' in the config \(2 and 150"):
        check_class_file(dataset(tmp_path, type="mmseg.ADE20KDataset", metainfo={}))
