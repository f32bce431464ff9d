"""Our panoptic and instance segmentations against mmdet's, which has no semantic one."""

import pytest
import torch
from mmdet.structures import DetDataSample

CLASSES, OFFSET = 7, 1000  # mmdet marks void with the number of classes, things with class + 1000 * number
FEW = 1e-4  # share of pixels that rounding in the network may decide
TOLERANCE, EXACT = 1e-5, 1e-6  # of the largest score, from images and from the same predictions


def classes_and_segments(sample):
    """Ours as mmdet has it: the class of every pixel, and its segment or, for stuff and void, the class again."""
    ids = sample.pred_panoptic_seg.data[0]
    classes = torch.full_like(ids, CLASSES)
    segments = classes.clone()
    for info in sample.segments_info:
        area = ids == info["id"]
        classes[area] = info["label"]
        segments[area] = info["label"] + OFFSET * info["id"] * info["isthing"]
    return classes, segments


def numbered(segments):
    """Segments by the order of their first pixels, so that equal partitions are equal maps."""
    seen = {}
    return [seen.setdefault(segment, len(seen)) for segment in segments.flatten().tolist()]


def instances(sample):
    """Sorted by label and score."""
    result = sample.pred_instances
    order = sorted(range(len(result.scores)), key=lambda row: (int(result.labels[row]), float(result.scores[row])))
    return result.labels[order], result.scores[order], result.masks[order]


@pytest.fixture
def from_predictions(ours, predictions, implementation, monkeypatch):
    """Our samples and mmdet's, segmented from the same predictions."""
    detector = implementation("mmdet").detector
    layers = [predictions.class_logits], [predictions.mask_logits]
    monkeypatch.setattr(detector.panoptic_head, "forward", lambda *_: layers)
    images = torch.zeros(2, 3, *predictions.padded)
    return ours("panoptic", predictions), detector.predict(images, predictions.samples())


@pytest.fixture
def from_images(implementation, images_of, way, backbone):
    """Our samples and mmdet's of two images, the second padded."""
    images = images_of([(96, 160), (70, 110)])
    shapes = [((96, 160), (131, 219)), ((70, 110), (57, 90))]
    with torch.no_grad():
        return [
            predict(images, [DetDataSample(metainfo=sizes(*shape)) for shape in shapes])
            for predict in (
                implementation(way, backbone).model.predict,
                implementation("mmdet", backbone).detector.predict,
            )
        ]


def sizes(inside, original):
    return {"img_shape": inside, "ori_shape": original, "batch_input_shape": (96, 160)}


def test_panoptic_from_the_same_predictions(from_predictions):
    for ours, theirs in zip(*from_predictions, strict=True):
        classes, segments = classes_and_segments(ours)
        expected = theirs.pred_panoptic_seg.sem_seg[0]
        assert torch.equal(classes, expected % OFFSET)
        assert numbered(segments) == numbered(expected)


def test_instances_from_the_same_predictions(from_predictions, agree):
    for ours, theirs in zip(*from_predictions, strict=True):
        (labels, scores, masks), (other_labels, other_scores, other_masks) = instances(ours), instances(theirs)
        assert torch.equal(labels, other_labels)
        assert torch.equal(masks, other_masks)
        agree(scores, other_scores, EXACT)


def test_panoptic_from_images(from_images):
    for ours, theirs in zip(*from_images, strict=True):
        assert ours.segments_info
        classes, segments = classes_and_segments(ours)
        expected = theirs.pred_panoptic_seg.sem_seg[0]
        assert (classes != expected % OFFSET).float().mean() <= FEW
        differing = sum(one != other for one, other in zip(numbered(segments), numbered(expected), strict=True))
        print(f"DIFFERENCE panoptic mmdet {differing / expected.numel():.1e}")
        assert differing <= FEW * expected.numel()


def test_instances_from_images(from_images, agree):
    for ours, theirs in zip(*from_images, strict=True):
        (labels, scores, masks), (other_labels, other_scores, other_masks) = instances(ours), instances(theirs)
        assert torch.equal(labels, other_labels)
        differing = (masks != other_masks).float().mean()
        print(f"DIFFERENCE masks mmdet {differing:.1e}")
        assert differing <= FEW
        alike = (masks == other_masks).flatten(1).all(1)  # one pixel more or less of a small mask tells in its score
        assert alike.float().mean() > 0.9
        agree(scores[alike], other_scores[alike], TOLERANCE)
