import re
from pathlib import Path

import numpy as np

from ablations import reports
from m2f.engine.kept.error_pictures import NOTHING, OTHER_CLASS, OTHER_SEGMENT, agreement, error_picture, numbered

IMAGE = np.full((2, 6, 3), 200, np.uint8)


def drawn(task, truth, labels, prediction, predicted_labels):
    """The error picture of a true and a predicted map with labels by id, as words."""
    true, predicted = (
        (np.array(ids), [{"id": id_, "label": label} for id_, label in infos.items()])
        for ids, infos in ((truth, labels), (prediction, predicted_labels))
    )
    letters = {OTHER_CLASS: "C", OTHER_SEGMENT: "S"}
    picture = error_picture(IMAGE, true, predicted, task)
    return ["".join(letters.get(tuple(map(int, pixel)), ".") for pixel in row) for row in picture]


# Two objects of class 3 and one of class 5; the prediction makes one of the first two and calls the third's end 3.
TRUTH = [[1, 1, 2, 2, 9, 9], [1, 1, 2, 2, 0, 0]]
PREDICTION = [[4, 4, 4, 4, 8, 4], [4, 4, 4, 4, 8, 0]]


def test_panoptic():
    rows = drawn("panoptic", TRUTH, {1: 3, 2: 3, 9: 5}, PREDICTION, {4: 3, 8: 5})
    assert rows == ["SSSSSC", "SSSS.."]  # of 8's two pixels one is of 9, which has two: 1 of 3 is not found


def test_instances_know_of_every_pixel():
    rows = drawn("instance", TRUTH, {1: 3, 2: 3, 9: 5}, PREDICTION, {4: 3, 8: 5})
    assert rows == ["SSSSSC", "SSSSC."]


def test_semantic_has_classes_alone():
    rows = drawn("semantic", TRUTH, {1: 3, 2: 3, 9: 5}, PREDICTION, {4: 3, 8: 5})
    assert rows == [".....C", "......"]


def test_a_perfect_prediction_is_grey():
    labels = {1: 3, 2: 3, 9: 5}
    assert {task: drawn(task, TRUTH, labels, TRUTH, labels) for task in ("panoptic", "instance")} == {
        task: ["......"] * 2 for task in ("panoptic", "instance")
    }


def test_nothing_predicted():
    assert drawn("panoptic", TRUTH, {1: 3, 2: 3, 9: 5}, np.zeros((2, 6), int), {}) == ["CCCCCC", "CCCC.."]


def test_agreement_of_random_maps_by_a_plain_loop():
    generator = np.random.default_rng(0)
    truth, prediction = (
        numbered((generator.integers(0, 6, (8, 9)), [{"id": id_, "label": id_ % 2} for id_ in (5, 1, 3, 4)]))
        for _ in range(2)
    )
    same_class, same_segment = agreement(truth, prediction)
    for place in np.ndindex(8, 9):
        one, other = truth[0] == truth[0][place], prediction[0] == prediction[0][place]
        labels = truth[1][truth[0][place]], prediction[1][prediction[0][place]]
        assert same_class[place] == (labels[0] == labels[1])
        found = (one & other).sum() > 0.5 * (one | other).sum() or labels == (NOTHING, NOTHING)
        assert same_segment[place] == (labels[0] == labels[1] and found)


def test_the_page_explains_the_same_colours():
    style = (Path(reports.__file__).parent / "templates" / "report.css").read_text()
    told = {
        name: tuple(map(int, colour))
        for name, *colour in re.findall(r"\.(other-\w+) .*rgb\((\d+) (\d+) (\d+)\)", style)
    }
    assert told == {"other-class": OTHER_CLASS, "other-segment": OTHER_SEGMENT}
