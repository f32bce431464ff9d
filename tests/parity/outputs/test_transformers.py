"""Our segmentations against those of transformers' image processor, where it follows the reference, and where not.

The processor resizes whatever was predicted, padding included, to 384 x 384. Images of that size without padding are
what can be compared. What it does otherwise is listed in docs/parity.md; the tests below the comparisons prove it.
"""

from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from transformers.models.mask2former.image_processing_pil_mask2former import compute_segments

THINGS, CLASSES, QUERIES, SIDE = 4, 7, 16, 384
CLOSE = 1e-5  # scores of two classes that are nearer to each other may be ordered either way
FEW = 1e-4  # share of pixels that rounding in the network may decide
ROUNDED = 1e-6  # its scores have six digits


@pytest.fixture
def whole(predictions):
    """Predictions of two images of the processor's size, one to be resized to its original size."""
    masks = F.interpolate(predictions.mask_logits, size=(SIDE // 4, SIDE // 4), mode="bilinear")
    size = (SIDE, SIDE)
    return type(predictions)(predictions.class_logits, masks, size, (size, size), (size, (250, 430)))


@pytest.fixture
def processor(implementation):
    return implementation("transformers").processor


def raw(predictions):
    """Predictions as the processor takes them."""
    return SimpleNamespace(
        class_queries_logits=predictions.class_logits, masks_queries_logits=predictions.mask_logits.clone()
    )


def test_semantic_segmentation(ours, whole, processor):
    results = processor.post_process_semantic_segmentation(
        raw(whole), target_sizes=list(whole.original), return_segmentation_scores=True
    )
    for own, other in zip(ours("semantic", whole), results, strict=True):
        first, second = other.segmentation_scores.topk(2, dim=0).values
        sure = first - second > CLOSE
        assert sure.float().mean() > 0.999
        assert torch.equal(own.pred_sem_seg.data[0][sure], other.segmentation[sure])


def test_instances(ours, whole, processor):
    """Its instances are those of our things that are among the best 16 pairs, as many as queries, not 100."""
    whole.original = whole.inside
    results = processor.post_process_instance_segmentation(raw(whole), threshold=0.0, return_binary_maps=True)
    for own, other in zip(ours("instance", whole), results, strict=True):
        found = own.pred_instances
        rows = list(zip(other["segments_info"], other["segmentation"].bool(), strict=True))
        things = [row for row in rows if row[0]["label_id"] < THINGS]
        assert len(rows) <= QUERIES
        assert len(things) > 2
        for info, mask in things:
            near = (found.labels == info["label_id"]) & ((found.scores - info["score"]).abs() < ROUNDED)
            assert any(torch.equal(mask, found.masks[row]) for row in near.nonzero()[:, 0])


def test_semantic_segmentation_from_an_image(implementation, images_of, monkeypatch, way):
    images, sizes = images_of([(SIDE, SIDE)]), [(250, 430)]
    own = implementation(way)
    monkeypatch.setattr(own.model, "task", "semantic")
    with torch.no_grad():
        (ours,), (theirs,) = (peer.predict(images, sizes) for peer in (own, implementation("transformers")))
    differing = float((ours["semantic"].data[0] != theirs["semantic"]).float().mean())
    print(f"DIFFERENCE semantic transformers {differing:.1e}")
    assert differing <= FEW


def panoptic(labels, scores, probabilities):
    """The processor's panoptic map of 2 x 2 cells, and its segments, from labels, scores and masks ``[Q, 4]``."""
    masks = torch.tensor(probabilities).view(-1, 2, 2)
    stuff = set(range(THINGS, CLASSES))
    segments, infos = compute_segments(masks, torch.tensor(scores), torch.tensor(labels), label_ids_to_fuse=stuff)
    return segments.flatten().tolist(), infos


def test_its_panoptic_segments_may_share_an_id():
    """After stuff is merged, the next segment takes the id that follows the stuff's, which another one has."""
    segments, infos = panoptic([5, 0, 5, 1], [0.9] * 4, (0.9 * torch.eye(4)).tolist())
    assert segments == [1, 2, 1, 2]
    assert [info["label_id"] for info in infos if info["id"] == 2] == [0, 1]


def test_its_panoptic_foreground_is_of_score_times_probability():
    """A mask whose probability is 0.55 everywhere has no foreground if its score is 0.85."""
    _, infos = panoptic([0], [0.85], [[0.55] * 4])
    assert infos == []


def test_its_panoptic_segments_are_not_cut_to_the_foreground():
    segments, _ = panoptic([0], [0.9], [[0.9, 0.9, 0.9, 0.1]])
    assert segments == [1, 1, 1, 1]


def test_nothing_is_minus_one_in_its_panoptic_map_without_segments(processor):
    nothing = SimpleNamespace(class_queries_logits=torch.zeros(1, 2, 8), masks_queries_logits=torch.zeros(1, 2, 4, 4))
    result = processor.post_process_panoptic_segmentation(nothing, label_ids_to_fuse=set(), target_sizes=[(4, 4)])
    assert (result[0]["segmentation"] == -1).all()
