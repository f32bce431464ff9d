import pytest

from m2f.data.class_file import read_class_file
from m2f.errors import InputError


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
