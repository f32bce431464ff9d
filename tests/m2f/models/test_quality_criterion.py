import pytest
import torch
from scipy.optimize import linear_sum_assignment

from m2f.models import PointCriterion, QualityCriterion
from m2f.models.mask_prediction import DenseMasks
from m2f.models.matching import Matches, matching_costs

LAYERS, CLASSES, QUERIES, SIDE = 2, 3, 4, 8


@pytest.fixture
def given(monkeypatch):
    """Masks of one size, looked at in every pixel; labels and targets of two images."""
    torch.manual_seed(0)
    steps = (torch.arange(SIDE) + 0.5) / SIDE
    centres = torch.stack([steps.repeat(SIDE), steps.repeat_interleave(SIDE)], dim=1)
    monkeypatch.setattr(
        "m2f.models.criterion.random_points", lambda count, points, device: centres.expand(count, -1, -1)
    )
    classes, logits = torch.randn(LAYERS, 2, QUERIES, CLASSES + 1), torch.randn(LAYERS, 2, QUERIES, SIDE, SIDE)
    labels = [torch.tensor([2, 0]), torch.tensor([1])]
    return classes, DenseMasks(logits), labels, [torch.rand(len(own), SIDE, SIDE) > 0.5 for own in labels]


def overlap(logits, target):
    inside = logits >= 0
    return float((inside & target).sum() / (inside | target).sum())


def test_the_class_target_is_the_square_of_the_masks_quality(given):
    classes, masks, labels, truth = given
    pairs = [
        (layer, image, 3 - target, target) for layer in range(2) for image, t in ((0, 2), (1, 1)) for target in range(t)
    ]
    matches = Matches(*torch.tensor(pairs).unbind(1))
    expected = torch.zeros(LAYERS)
    for layer in range(LAYERS):
        total, weights = 0.0, 0.0
        for image in range(2):
            own = {
                query: (target, overlap(masks.logits[layer, image, query], truth[image][target]))
                for where, of, query, target in pairs
                if (where, of) == (layer, image)
            }
            best = max(quality for _, quality in own.values())
            for query in range(QUERIES):
                log_p = classes[layer, image, query].log_softmax(0)
                if query in own:
                    target, quality = own[query]
                    share = (quality / best) ** 2
                    total -= share * log_p[labels[image][target]] + (1 - share) * log_p[CLASSES]
                    weights += 1
                else:
                    total -= 0.1 * log_p[CLASSES]
                    weights += 0.1
        expected[layer] = total / weights
    found = QualityCriterion(CLASSES, SIDE**2).class_loss(classes, matches, labels, masks, truth)
    torch.testing.assert_close(found, expected)


def test_a_class_counts_in_matching_as_much_as_its_mask_is_good(given):
    classes, masks, labels, truth = given
    criterion = QualityCriterion(CLASSES, SIDE**2)
    matches = criterion.match(classes, masks, labels, truth)
    for layer in range(LAYERS):
        for image in range(2):
            usual = PointCriterion(CLASSES, SIDE**2)
            predicted, expected = usual.matched_on(masks, truth)
            padded = torch.nn.utils.rnn.pad_sequence(labels, batch_first=True)
            costs = matching_costs(classes, predicted, padded, expected, usual.weights)[layer, image]
            table = torch.zeros(QUERIES, len(labels[image]))
            for query in range(QUERIES):
                for target, label in enumerate(labels[image]):
                    p = classes[layer, image, query].softmax(0)[label]
                    quality = overlap(masks.logits[layer, image, query], truth[image][target])
                    table[query, target] = costs[query, target] + 2 * p - 2 * p * quality**0.5
            rows, columns = linear_sum_assignment(table.numpy())
            own = (matches.layer == layer) & (matches.image == image)
            assert (matches.query[own].tolist(), matches.target[own].tolist()) == (rows.tolist(), columns.tolist())


def test_a_batch_without_targets_has_a_class_loss(given):
    classes, masks, *_ = given
    nothing = [torch.zeros(0, dtype=torch.long)] * 2, [torch.zeros(0, SIDE, SIDE, dtype=torch.bool)] * 2
    losses = [kind(CLASSES, SIDE**2)(classes, masks, *nothing) for kind in (QualityCriterion, PointCriterion)]
    torch.testing.assert_close(losses[0]["loss"], losses[1]["loss"])


def test_the_quality_of_a_pair_is_its_whole_masks_wherever_points_lie(given, monkeypatch):
    """A small object may lie between all points; its query is not to learn that it is nothing."""
    monkeypatch.setattr("m2f.models.criterion.random_points", lambda count, points, device: torch.zeros(count, 9, 2))
    small = torch.zeros(1, 32, 32, dtype=torch.bool)
    small[0, 20:24, 8:16] = True  # two cells of a fourth of the size
    logits = torch.full((1, 1, QUERIES, SIDE, SIDE), -1.0)
    logits[0, 0, 2, 5, 1:4] = 1.0  # three cells: 2 / 3
    logits[0, 0, 3, 5, 3] = 1.0  # one of the two: 1 / 2
    matches = Matches(*torch.tensor([[0, 0, 2, 0], [0, 0, 3, 1]]).unbind(1))
    share = QualityCriterion(CLASSES, 9).share(matches, DenseMasks(logits), [small.expand(2, -1, -1)])
    torch.testing.assert_close(share, torch.tensor([1.0, (3 / 4) ** 2]))


def test_a_target_between_the_cells_has_a_quality():
    thin = torch.zeros(1, 32, 32, dtype=torch.bool)
    thin[0, 1:4, 1:4] = True  # 9 of a cell's 16 pixels
    logits = torch.full((1, 1, QUERIES, SIDE, SIDE), -1.0)
    logits[0, 0, 1, 0, 0] = 1.0
    logits[0, 0, 2, 0, :2] = 1.0
    matches = Matches(*torch.tensor([[0, 0, 1, 0], [0, 0, 2, 1]]).unbind(1))
    share = QualityCriterion(CLASSES, 9).share(matches, DenseMasks(logits), [thin.expand(2, -1, -1)])
    torch.testing.assert_close(share, torch.tensor([1.0, 0.25]))  # 9 / 16 and 9 / 32
