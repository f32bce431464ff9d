import pytest
import torch
from mmdet.structures.mask import mask2bbox

from m2f.models.inference import (
    PanopticThresholds,
    instance_segmentation,
    mask_boxes,
    panoptic_segmentation,
    semantic_scores,
)

THINGS, CLASSES, SIZE = (True, True, False), 3, (4, 6)  # 3 is "no object"


def confident(*labels, certainty=8.0):
    """Class logits of one query a label."""
    return torch.eye(CLASSES + 1)[list(labels)] * certainty


def boxes(*columns):
    """Mask logits that are foreground in ``first <= column < last``."""
    masks = torch.full((len(columns), *SIZE), -6.0)
    for mask, (first, last) in zip(masks, columns, strict=True):
        mask[:, first:last] = 6.0
    return masks


def panoptic(classes, masks, **thresholds):
    return panoptic_segmentation(classes, masks.__getitem__, THINGS, SIZE, PanopticThresholds(**thresholds))


def test_things_stay_apart_and_stuff_merges():
    segments, infos = panoptic(confident(0, 2, 0, 2), boxes((0, 1), (1, 2), (2, 3), (3, 5)))
    assert segments[0].tolist() == [1, 2, 3, 2, 2, 0]
    assert [(info["id"], info["label"], info["isthing"]) for info in infos] == [
        (1, 0, True),
        (2, 2, False),
        (3, 0, True),
    ]


def test_things_need_not_come_first():
    classes, masks, is_thing = confident(0, 1, 0, 1), boxes((0, 1), (1, 2), (2, 3), (3, 5)), (False, True, False)
    segments, infos = panoptic_segmentation(classes, masks.__getitem__, is_thing, SIZE, PanopticThresholds())
    assert segments[0].tolist() == [1, 2, 1, 3, 3, 0]
    assert [(info["label"], info["isthing"]) for info in infos] == [(0, False), (1, True), (1, True)]
    _, _, labels = instance_segmentation(classes, masks.__getitem__, is_thing)
    assert labels.unique().tolist() == [1]


def test_unsure_queries_and_no_object_are_dropped():
    classes = torch.cat([confident(0, certainty=1.0), confident(3)])
    segments, infos = panoptic(classes, boxes((0, 3), (3, 6)))
    assert not segments.any()
    assert infos == []


def test_a_segment_that_loses_too_much_of_its_mask_is_dropped():
    classes = torch.cat([confident(0, certainty=9.0), confident(1, certainty=7.0)])
    masks = boxes((0, 4), (1, 5))  # the second keeps one of its four columns
    segments, infos = panoptic(classes, masks)
    assert [info["label"] for info in infos] == [0]
    assert segments[0].tolist() == [1, 1, 1, 1, 0, 0]
    _, kept = panoptic(classes, masks, overlap=0.2)
    assert [info["label"] for info in kept] == [0, 1]


def test_maskformer_gives_a_segment_every_pixel_that_it_wins():
    segments, infos = panoptic(confident(0), boxes((0, 3)), foreground=0.0)
    assert [info["label"] for info in infos] == [0]
    assert (segments == 1).all()


def test_every_listed_segment_has_pixels():
    torch.manual_seed(0)
    for _ in range(20):
        segments, infos = panoptic(4 * torch.randn(9, CLASSES + 1), torch.randn(9, *SIZE), score=0.3, overlap=0.1)
        assert sorted(info["id"] for info in infos) == [id_ for id_ in segments.unique().tolist() if id_]


def test_only_queries_that_pass_the_filter_get_masks():
    asked = []

    def masks(queries):
        asked.extend(queries.tolist())
        return boxes(*[(0, 2)] * len(queries))

    panoptic_segmentation(confident(3, 0, 3, 1), masks, THINGS, SIZE, PanopticThresholds())
    assert asked == [1, 3]


def test_instances_are_scored_by_class_and_mask():
    classes, masks = confident(0, 1), boxes((0, 2), (2, 6))
    found, scores, labels = instance_segmentation(classes, masks.__getitem__, THINGS)
    for query, label in ((0, 0), (1, 1)):
        best = int(scores.masked_fill(labels != label, -1).argmax())
        expected = classes.softmax(1)[query, label] * torch.tensor(6.0).sigmoid()
        assert torch.equal(found[best], masks[query] > 0)
        assert float(scores[best]) == pytest.approx(float(expected), rel=1e-4)


def test_instances_keep_the_best_pairs_then_drop_stuff():
    torch.manual_seed(0)
    classes, masks = torch.randn(5, CLASSES + 1), torch.randn(5, *SIZE)
    most = 7
    flat = classes.softmax(1)[:, :-1]
    ranked = sorted(((float(flat[q, k]), q, k) for q in range(5) for k in range(CLASSES)), reverse=True)[:most]
    expected = sorted((q, k) for _, q, k in ranked if THINGS[k])
    found, _, labels = instance_segmentation(classes, masks.__getitem__, THINGS, most)
    owners = [next(q for q in range(5) if torch.equal(mask, masks[q] > 0)) for mask in found]
    assert sorted(zip(owners, labels.tolist(), strict=True)) == expected


def test_semantic_scores_are_votes():
    torch.manual_seed(0)
    classes, masks = torch.randn(5, CLASSES + 1), torch.randn(5, *SIZE)
    expected = sum(classes[q].softmax(0)[:-1, None, None] * masks[q].sigmoid() for q in range(5))
    torch.testing.assert_close(semantic_scores(classes, masks), expected)


def test_boxes_are_mmdets():
    masks = torch.rand(20, 13, 17, generator=torch.Generator().manual_seed(0)) > 0.97
    masks[3] = False
    assert torch.equal(mask_boxes(masks), mask2bbox(masks))
    assert mask_boxes(masks[:0]).shape == (0, 4)
