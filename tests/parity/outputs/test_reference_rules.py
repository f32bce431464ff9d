"""Our segmentations against the reference's rules written out (maskformer_model.py:225-258 and 275-380).

The rules work on what the network predicted, query by query and class by class, at the images' original size.
"""

import pytest
import torch
import torch.nn.functional as F

THINGS, CLASSES = 4, 7
TOLERANCE = 1e-6  # of the largest score
CLOSE = 1e-6  # scores of two classes that are nearer to each other may be ordered either way


def resized(maps, size):
    return F.interpolate(maps[None], size=size, mode="bilinear", align_corners=False)[0]


def cut_and_resized(maps, inside, original):
    """Without padding and at the original size (sem_seg_postprocess of detectron2)."""
    return resized(maps[:, : inside[0], : inside[1]], original)


def at_original_size(predictions, image):
    """Class logits ``[Q, K + 1]`` and mask logits ``[Q, H, W]``."""
    masks = resized(predictions.mask_logits[image], predictions.padded)
    masks = cut_and_resized(masks, predictions.inside[image], predictions.original[image])
    return predictions.class_logits[image], masks


def panoptic(classes, masks):
    """Labels and areas ``[H, W]`` of segments in the order of their ids, and what became of each query."""
    fates, kept = [], []
    for query, row in enumerate(classes.softmax(-1)):
        score, label = row.max(0)
        if label == CLASSES or score <= 0.8:
            fates.append("no object" if label == CLASSES else "unsure")
        else:
            kept.append((score, int(label), masks[query].sigmoid()))
    segments = []
    strongest = torch.stack([score * mask for score, _, mask in kept]).argmax(0)
    for index, (_, label, mask) in enumerate(kept):
        won, foreground = strongest == index, mask >= 0.5
        same = [area for other, area in segments if other == label and label >= THINGS]
        if not won.any() or not foreground.any():
            fates.append("empty")
        elif not (won & foreground).any():
            fates.append("background alone")
        elif won.sum() / foreground.sum() < 0.8:
            fates.append("hidden")
        elif same:
            fates.append("merged")
            same[0].logical_or_(won & foreground)
        else:
            fates.append("a segment")
            segments.append((label, won & foreground))
    return segments, fates


def instances(classes, masks):
    """Score, label and mask of the 100 best pairs of query and class, without those of stuff."""
    probability = classes.softmax(-1)[:, :-1]
    pairs = [
        (float(probability[query, label]), query, label) for query in range(len(masks)) for label in range(CLASSES)
    ]
    found = []
    for score, query, label in sorted(pairs, reverse=True)[:100]:
        if label < THINGS:
            mask = masks[query] > 0
            inside = masks[query].sigmoid()[mask].sum() / (mask.sum() + 1e-6)
            found.append((score * float(inside), label, mask))
    return found


def semantic_scores(classes, masks):
    """``[K, H, W]``."""
    probability = classes.softmax(-1)
    return torch.stack(
        [
            sum(probability[query, label] * mask.sigmoid() for query, mask in enumerate(masks))
            for label in range(CLASSES)
        ]
    )


def sure(scores):
    """Where the best class is no matter of rounding."""
    first, second = scores.topk(2, dim=0).values
    return first - second > CLOSE


def test_panoptic(ours, predictions):
    for image, sample in enumerate(ours("panoptic", predictions)):
        segments, _ = panoptic(*at_original_size(predictions, image))
        result = sample.pred_panoptic_seg.data[0]
        assert [(info["id"], info["label"]) for info in sample.segments_info] == [
            (number + 1, label) for number, (label, _) in enumerate(segments)
        ]
        expected = torch.zeros(predictions.original[image], dtype=torch.int32)
        for number, (label, area) in enumerate(segments):
            expected[area] = number + 1
            assert sample.segments_info[number]["isthing"] == (label < THINGS)
        assert torch.equal(result, expected)


def test_every_case_of_panoptic_segmentation_is_met(predictions):
    fates = {fate for image in range(2) for fate in panoptic(*at_original_size(predictions, image))[1]}
    assert fates == {"no object", "unsure", "empty", "background alone", "hidden", "merged", "a segment"}


def in_order(found):
    return sorted(found, key=lambda one: (one[1], one[0]))


@pytest.mark.parametrize("task", ["panoptic", "instance"])
def test_instances(ours, predictions, task, agree):
    for image, sample in enumerate(ours(task, predictions)):
        expected = in_order(instances(*at_original_size(predictions, image)))
        result = sample.pred_instances
        found = in_order(zip(result.scores.tolist(), result.labels.tolist(), result.masks, strict=True))
        assert [label for _, label, _ in found] == [label for _, label, _ in expected]
        agree(torch.tensor([one[0] for one in found]), torch.tensor([one[0] for one in expected]), TOLERANCE)
        assert all(torch.equal(mask, other) for (_, _, mask), (_, _, other) in zip(found, expected, strict=True))


def test_semantic_segmentation_of_a_panoptic_model(ours, predictions):
    """Masks are resized, then queries vote."""
    for image, sample in enumerate(ours("panoptic", predictions)):
        scores = semantic_scores(*at_original_size(predictions, image))
        assert torch.equal(sample.pred_sem_seg.data[0][sure(scores)], scores.argmax(0)[sure(scores)])
        assert sure(scores).float().mean() > 0.999


def test_semantic_segmentation_of_a_semantic_model(ours, predictions):
    """Queries vote at the network's input, then votes are resized (maskformer_model.py:248-249)."""
    for image, sample in enumerate(ours("semantic", predictions)):
        masks = resized(predictions.mask_logits[image], predictions.padded)
        scores = semantic_scores(predictions.class_logits[image], masks)
        scores = cut_and_resized(scores, predictions.inside[image], predictions.original[image])
        assert torch.equal(sample.pred_sem_seg.data[0][sure(scores)], scores.argmax(0)[sure(scores)])
        assert sure(scores).float().mean() > 0.999
