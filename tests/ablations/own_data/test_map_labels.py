import cv2
import numpy as np
import pytest

from ablations.own_data.contents import read_contents
from m2f.errors import InputError

NAMES = ("crop", "weed")


@pytest.mark.parametrize(
    ("labels", "names", "zero_is_void", "counts"),
    [
        ((0, 1, 255), NAMES, False, {0: 1, 1: 1}),
        ((1, 2, 255), NAMES, True, {0: 1, 1: 1}),
        ((0, 1, 2), ("-", *NAMES), True, {0: 1, 1: 1}),
        ((1, 2), ("-", *NAMES), True, {0: 1, 1: 1}),
        ((0, 1, 2), ("-", *NAMES, "soil"), True, {0: 1, 1: 1}),
        ((1, 2), (*NAMES, "soil"), False, {1: 1, 2: 1}),
        ((0, 1), (), False, {0: 1, 1: 1}),
    ],
)
def test_names_tell_whether_zero_is_a_class(flat, labels, names, zero_is_void, counts):
    found = read_contents(flat(labels=labels, names=names))
    assert found.classes == tuple(name for name in names if name != "-") or not names
    assert found.zero_is_void == zero_is_void
    assert {label: number for label, number in found.val.counts.items() if label >= 0} == counts


def test_what_names_leave_open_is_asked(flat):
    """One pixel of label 2, a slip or CamVid's way of saying no class, would else shift all classes."""
    root = flat(labels=(0, 1), names=NAMES)
    pixels = np.zeros((40, 50), np.uint8)
    pixels[3, 4] = 2
    cv2.imwrite(str(root / "masks" / "3.png"), pixels)
    sentence = (
        rf"^{root}/classes\.txt names 2 classes, and the maps have labels 0 to 2 \(2 in 1 of 6 maps, first "
        rf"{root}/masks/3\.png\): if 0 is no class, put a line '-' before the names; if 2 is none, write 255 in its "
        r"place; else name it\.$"
    )
    with pytest.raises(InputError, match=sentence):
        read_contents(root)


@pytest.mark.parametrize(
    ("labels", "names", "sentence"),
    [
        ((0, 1, 7), NAMES, r"names 2 classes, and the maps have label 7 \(6 of 6 maps, first /.*\.png\); n"),
        (
            (0, 1, 3),
            ("-", *NAMES),
            "names 2 classes, and the maps have label 3 .*; name a class for each label from 1, or",
        ),
        ((0, 1), ("crop",), r"classes\.txt names fewer than two classes; name one for each label, with the background"),
        ((0, 1), ("-",), r"classes\.txt names fewer than two classes"),
    ],
)
def test_labels_without_names_are_told(flat, labels, names, sentence):
    with pytest.raises(InputError, match=sentence):
        read_contents(flat(labels=labels, names=names))


@pytest.mark.parametrize(
    ("labels", "names", "besides"),
    [((0, 255), (), "255"), ((0, 255), NAMES, "255"), ((0, 1), ("-", *NAMES), "0 and 255"), ((255,), (), "255")],
)
def test_one_class_alone_is_refused(flat, labels, names, besides):
    """All pixels would be right whatever the model says."""
    with pytest.raises(
        InputError, match=f"show one class alone, besides {besides}, which .* such as 0 and 1 in place of"
    ):
        read_contents(flat(labels=labels, names=names))
