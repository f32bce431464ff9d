import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from m2f.data.images import encode_png, read_segment_ids, segment_colours
from m2f.errors import InputError
from m2f.metrics import PanopticQuality
from m2f.metrics.panoptic_quality import quality_by_class
from m2f.metrics.segment_matching import match_segments
from m2f.peers.evaluation_programs import panopticapi_counts

PERSON, CAR, SKY, ROAD = range(4)
CATEGORY_IDS = [3, 7, 20, 21]


def prediction(image_id, segment_ids, labels):
    """A sample as the model gives it: ``labels`` maps segment id to label."""
    return {
        "img_id": image_id,
        "pred_panoptic_seg": {"data": torch.from_numpy(segment_ids.astype(np.int32))[None]},
        "segments_info": [{"id": segment, "label": label} for segment, label in labels.items()],
    }


def evaluate(arguments, samples):
    metric = PanopticQuality(**arguments)
    for sample in samples:
        metric.process(None, [sample])
    return metric.evaluate(len(samples))


def truth_of(segment_ids, labels, crowds=()):
    segments = [
        {"id": segment, "category_id": CATEGORY_IDS[label], "iscrowd": int(segment in crowds)}
        for segment, label in labels.items()
    ]
    return segment_ids, segments


@pytest.fixture
def crowd_and_void():
    """Two rows void; a person of 20 pixels, a crowd of persons of 20 and 40 pixels of sky below."""
    truth = np.zeros((10, 10), np.int32)
    truth[2:6, :5] = 100
    truth[2:6, 5:] = 70000
    truth[6:] = 300
    return truth_of(truth, {100: PERSON, 70000: PERSON, 300: SKY}, crowds={70000})


def test_crowd_and_void_by_hand(tmp_path, panoptic_truth, crowd_and_void):
    predicted = np.zeros((10, 10), np.int32)
    predicted[2:6, :4] = 1  # person: IoU 16/20 with the person
    predicted[2:6, 5:8] = 2  # person wholly in the crowd of persons: not counted
    predicted[0:2, :6] = 3
    predicted[2:6, 4] = 3  # car: 12 of its 16 pixels in void: not counted
    predicted[2:6, 8:] = 4  # car in the crowd of persons: a false positive
    predicted[7:] = 5
    predicted[1, 6:] = 5  # sky: 4 pixels in void leave the union: IoU 30/40
    predicted[6] = 6  # road on sky: a false positive
    labels = {1: PERSON, 2: PERSON, 3: CAR, 4: CAR, 5: SKY, 6: ROAD}
    # A second image: two persons of 8 pixels merged into one segment, whose IoU of 1/2 is no match.
    pair = np.repeat(np.array([[1, 2]], np.int32), 4, axis=0).repeat(2, axis=1)
    arguments = panoptic_truth(tmp_path, [crowd_and_void, truth_of(pair, {1: PERSON, 2: PERSON})])
    metrics = evaluate(arguments, [prediction(1, predicted, labels), prediction(2, np.ones((4, 4)), {1: PERSON})])
    # person: 1 true positive of IoU .8, 1 false positive, 2 false negatives: PQ .8 / 2.5, SQ .8, RQ 1 / 2.5
    assert metrics == pytest.approx(
        {
            "PQ": 100 * (0.32 + 0 + 0.75 + 0) / 4,
            "SQ": 100 * (0.8 + 0 + 0.75 + 0) / 4,
            "RQ": 100 * (0.4 + 0 + 1 + 0) / 4,
            "PQ_th": 16,
            "SQ_th": 40,
            "RQ_th": 20,
            "PQ_st": 37.5,
            "SQ_st": 37.5,
            "RQ_st": 50,
        }
    )


def test_half_in_void_is_a_false_positive(tmp_path, panoptic_truth, crowd_and_void):
    predicted = np.zeros((10, 10), np.int32)
    predicted[2:6, :5] = 1
    predicted[6:] = 2
    right = prediction(1, predicted, {1: PERSON, 2: SKY})
    extra = predicted.copy()
    extra[0, :5] = 3
    extra[2, :5] = 3  # 5 of 10 pixels in void: more than half would be needed to be left out
    arguments = panoptic_truth(tmp_path, [crowd_and_void])
    assert evaluate(arguments, [right])["RQ_th"] == pytest.approx(100)
    assert evaluate(arguments, [prediction(1, extra, {1: PERSON, 2: SKY, 3: PERSON})])["RQ_th"] == pytest.approx(
        200 / 3
    )


def test_of_several_crowds_of_a_class_the_last_counts(tmp_path, panoptic_truth):
    """panopticapi keeps one crowd a class; a person in the other is a false positive, so that persons occur."""
    crowds = np.repeat(np.array([[1], [2]], np.int32), 4, axis=0).repeat(4, axis=1)
    arguments = panoptic_truth(tmp_path, [truth_of(crowds, {1: PERSON, 2: PERSON}, crowds={1, 2})])
    in_first, in_last = (evaluate(arguments, [prediction(1, crowds == own, {1: PERSON})]) for own in (1, 2))
    assert in_first["PQ_th"] == 0
    assert in_last == {}


def test_group_without_classes_has_no_key(tmp_path, panoptic_truth):
    sky = np.full((4, 4), 9, np.int32)
    arguments = panoptic_truth(tmp_path, [truth_of(sky, {9: SKY})])
    metrics = evaluate(arguments, [prediction(1, sky, {9: SKY})])
    assert metrics == pytest.approx({f"{name}{group}": 100 for name in ("PQ", "SQ", "RQ") for group in ("", "_st")})


def test_nothing_predicted_is_zero(tmp_path, panoptic_truth, crowd_and_void):
    metrics = evaluate(panoptic_truth(tmp_path, [crowd_and_void]), [prediction(1, np.zeros((10, 10)), {})])
    assert metrics["PQ"] == metrics["PQ_th"] == metrics["PQ_st"] == 0


def test_only_evaluated_images_count(tmp_path, panoptic_truth, crowd_and_void):
    sky = np.full((4, 4), 9, np.int32)
    arguments = panoptic_truth(tmp_path, [crowd_and_void, truth_of(sky, {9: SKY})])
    assert evaluate(arguments, [prediction(2, sky, {9: SKY})])["PQ"] == pytest.approx(100)


def test_image_without_ground_truth(tmp_path, panoptic_truth, crowd_and_void):
    arguments = panoptic_truth(tmp_path, [crowd_and_void])
    with pytest.raises(InputError, match="no ground truth for image 5"):
        evaluate(arguments, [prediction(5, np.zeros((10, 10)), {})])


def test_truncated_png_is_named(tmp_path, panoptic_truth, crowd_and_void):
    arguments = panoptic_truth(tmp_path, [crowd_and_void])
    png = tmp_path / "panoptic" / "000000000001.png"
    png.write_bytes(png.read_bytes()[:60])
    with pytest.raises(InputError, match=r"000000000001\.png"):
        evaluate(arguments, [prediction(1, np.zeros((10, 10)), {})])


@pytest.mark.parametrize(
    ("segment_ids", "labels", "problem"),
    [
        (np.zeros((10, 9)), {}, r"size is \(10, 9\) .* \(10, 10\)"),
        (np.full((10, 10), 4), {}, "100 pixels of its map belong to none of its segments"),
        (np.zeros((10, 10)), {4: SKY}, "its segment 4 has no pixel in its map"),
    ],
    ids=["size", "unknown segment", "segment without pixels"],
)
def test_prediction_that_does_not_fit(tmp_path, panoptic_truth, crowd_and_void, segment_ids, labels, problem):
    arguments = panoptic_truth(tmp_path, [crowd_and_void])
    with pytest.raises(InputError, match=f"prediction for image 1 of .* does not fit: .*{problem}"):
        evaluate(arguments, [prediction(1, segment_ids, labels)])


def random_scene(rng):
    """Segment ids [8, 8] of at most 4 segments and void, in blocks of 2 x 2 pixels, with random labels."""
    segment_ids = rng.integers(0, 5, (4, 4)).repeat(2, axis=0).repeat(2, axis=1).astype(np.int32)
    labels = {int(segment): int(rng.integers(4)) for segment in np.unique(segment_ids) if segment}
    return segment_ids, labels


def noisy(rng, segment_ids, labels):
    """A prediction near a scene: some pixels of another segment, some segments of another label."""
    segment_ids = np.where(rng.random((8, 8)) < 0.1, rng.integers(0, 5, (8, 8)), segment_ids).astype(np.int32)
    return segment_ids, {
        int(segment): int(rng.integers(4)) if rng.random() < 0.2 else labels.get(int(segment), SKY)
        for segment in np.unique(segment_ids)
        if segment
    }


def renamed(rng, segment_ids, labels):
    names = dict(zip(labels, rng.permutation(np.arange(1, 2000))[: len(labels)].tolist(), strict=True))
    lookup = np.zeros(5, np.int32)
    lookup[list(names)] = list(names.values())
    return lookup[segment_ids], {names[segment]: label for segment, label in labels.items()}


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_segment_ids_and_image_order_do_not_matter(panoptic_truth, seed):
    rng = np.random.default_rng(seed)
    scenes = [random_scene(rng) for _ in range(3)]
    predictions = [noisy(rng, *scene) for scene in scenes]
    with tempfile.TemporaryDirectory() as root:
        arguments = panoptic_truth(Path(root), [truth_of(*scene) for scene in scenes])
        metrics = evaluate(arguments, [prediction(i, *scene) for i, scene in enumerate(predictions, start=1)])
        again = [prediction(i, *renamed(rng, *scene)) for i, scene in enumerate(predictions, start=1)]
        assert evaluate(arguments, again[::-1]) == pytest.approx(metrics)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_wrong_label_lowers_panoptic_quality(panoptic_truth, seed):
    rng = np.random.default_rng(seed)
    segment_ids, labels = random_scene(rng)
    swapped = int(rng.choice(list(labels)))
    wrong = labels | {swapped: (labels[swapped] + int(rng.integers(1, 4))) % 4}
    with tempfile.TemporaryDirectory() as root:
        arguments = panoptic_truth(Path(root), [truth_of(segment_ids, labels)])
        assert evaluate(arguments, [prediction(1, segment_ids, labels)])["PQ"] == pytest.approx(100)
        assert evaluate(arguments, [prediction(1, segment_ids, wrong)])["PQ"] < 99


def test_same_as_panopticapi_on_coco(tmp_path, shared):
    """Real ground truth with crowd and void; predictions are the truth shifted, with some labels changed."""
    rng = np.random.default_rng(0)
    annotations = shared / "data/coco100/annotations"
    truth = json.loads((annotations / "panoptic_val2017.json").read_text())
    crowded = [any(part["iscrowd"] for part in entry["segments_info"]) for entry in truth["annotations"]]
    assert sum(crowded) >= 3
    truth["annotations"] = [entry for index, entry in enumerate(truth["annotations"]) if crowded[index] or index < 10]
    category_ids = [category["id"] for category in truth["categories"]]
    samples, predicted = [], {"annotations": []}
    for entry in truth["annotations"]:
        ids = read_segment_ids(annotations / "panoptic_val2017" / entry["file_name"])
        shift = rng.integers(0, 30, 2)
        segments, parts = np.unique(np.roll(ids, shift, axis=(0, 1)), return_inverse=True)
        parts = parts.reshape(ids.shape)  # 0 stays void where there is any
        offset = int(segments[0] != 0)
        of_segment = {part["id"]: category_ids.index(part["category_id"]) for part in entry["segments_info"]}
        labels = {
            index + offset: int(rng.integers(133)) if rng.random() < 0.1 else of_segment[int(segment)]
            for index, segment in enumerate(segments)
            if segment
        }
        samples.append(prediction(entry["image_id"], parts + offset, labels))
        (tmp_path / entry["file_name"]).write_bytes(encode_png(segment_colours(parts + offset), compression=1))
        predicted["annotations"].append(
            {
                "file_name": entry["file_name"],
                "segments_info": [{"id": part, "category_id": category_ids[label]} for part, label in labels.items()],
            }
        )
    arguments = {
        "panoptic_json": str(annotations / "panoptic_val2017.json"),
        "panoptic_directory": str(annotations / "panoptic_val2017"),
    }
    metric = PanopticQuality(**arguments)
    metric.process(None, samples)
    expected = panopticapi_counts(
        truth["annotations"],
        annotations / "panoptic_val2017",
        predicted["annotations"],
        tmp_path,
        truth["categories"],
    )
    assert (expected.sum(axis=1) > 10).all()
    assert np.sum(metric.results, axis=0) == pytest.approx(expected, abs=1e-9)
    qualities, occurs = quality_by_class(expected)
    assert metric.evaluate(len(samples))["PQ"] == pytest.approx(100 * qualities[0][occurs].mean(), abs=1e-9)


def test_same_as_panopticapi_on_awkward_scenes(tmp_path, panoptic_truth):
    """Several crowds of a class, segments that the annotation has and the map has not, and the other way round.

    The metric refuses such annotations; its matching takes them as panopticapi does.
    """
    rng = np.random.default_rng(0)
    truth, samples, predicted = [], [], []
    for image_id in range(1, 41):
        segment_ids, labels = random_scene(rng)
        crowds = {segment for segment in labels if rng.random() < 0.3}
        awkward = {segment: label for segment, label in labels.items() if rng.random() < 0.9} | {77: CAR}
        truth.append(truth_of(segment_ids, awkward, crowds))
        shown, shown_labels = noisy(rng, segment_ids, labels)
        samples.append(prediction(image_id, shown, shown_labels))
        name = f"{image_id}.png"
        (tmp_path / name).write_bytes(encode_png(segment_colours(shown), compression=1))
        segments = [{"id": segment, "category_id": CATEGORY_IDS[label]} for segment, label in shown_labels.items()]
        predicted.append({"file_name": name, "segments_info": segments})
    panoptic_truth(tmp_path, truth)
    content = json.loads((tmp_path / "panoptic.json").read_text())
    expected = panopticapi_counts(
        content["annotations"], tmp_path / "panoptic", predicted, tmp_path, content["categories"]
    )
    assert (expected.sum(axis=1) > 10).all()
    labels = {category_id: label for label, category_id in enumerate(CATEGORY_IDS)}
    counts = [
        match_segments(
            segment_map,
            annotation["segments_info"],
            sample["pred_panoptic_seg"]["data"][0].numpy(),
            {segment["id"]: segment["label"] for segment in sample["segments_info"]},
            labels,
        )
        for (segment_map, _), annotation, sample in zip(truth, content["annotations"], samples, strict=True)
    ]
    assert np.sum(counts, axis=0) == pytest.approx(expected, abs=1e-9)
