import pytest
import torch
import torch.nn.functional as F

from m2f.models.criterion import PointCriterion, focal_weight
from m2f.models.mask_prediction import EmbeddedMasks, dense_logits
from m2f.models.matching import Matches
from m2f.models.points import sample_points
from m2f.models.transformer_decoder import DecoderOutput

CLASSES, LAYERS, QUERIES, POINTS = 4, 3, 5, 32


@pytest.fixture
def criterion():
    return PointCriterion(CLASSES, POINTS)


def predictions(images, seed=0):
    torch.manual_seed(seed)
    masks = EmbeddedMasks(torch.randn(LAYERS, images, QUERIES, 8), torch.randn(images, 8, 8, 8))
    return torch.randn(LAYERS, images, QUERIES, CLASSES + 1), masks


def targets(counts):
    labels = [torch.randint(CLASSES, (count,)) for count in counts]
    return labels, [torch.rand(count, 32, 32) > 0.5 for count in counts]


def reference_losses(classes, masks, labels, truth, matches, points):
    """The loss by plain loops, layer by layer, as the paper writes it; sums over layers, weighted."""
    total = torch.zeros(3)
    for layer in range(LAYERS):
        weights, class_terms = torch.tensor(0.0), torch.tensor(0.0)
        for image in range(len(labels)):
            for query in range(QUERIES):
                pair = (matches.layer == layer) & (matches.image == image) & (matches.query == query)
                label = int(labels[image][matches.target[pair]]) if pair.any() else CLASSES
                weight = 0.1 if label == CLASSES else 1.0
                class_terms = class_terms - weight * classes[layer, image, query].log_softmax(0)[label]
                weights = weights + weight
        total[0] += 2 * class_terms / weights
        for index in (matches.layer == layer).nonzero()[:, 0]:
            image, query, target = matches.image[index], matches.query[index], matches.target[index]
            dense = dense_logits(masks.embeddings[layer], masks.features)[image, query]
            predicted = sample_points(dense[None, None], points[index][None])[0, 0]
            expected = sample_points(truth[image][target][None, None].float(), points[index][None])[0, 0]
            foreground = predicted.sigmoid()
            count = max(sum(len(own) for own in labels), 1)
            total[1] += 5 * F.binary_cross_entropy(foreground, expected) / count
            dice = (2 * (foreground * expected).sum() + 1) / (foreground.sum() + expected.sum() + 1)
            total[2] += 5 * (1 - dice) / count
    return total


@pytest.mark.parametrize(
    "counts", [(3, 2), (0, 4), (7, 1)], ids=["usual", "an empty image", "more targets than queries"]
)
def test_loss_equals_plain_loops(criterion, monkeypatch, counts):
    classes, masks = predictions(len(counts))
    labels, truth = targets(counts)
    matches = criterion.match(classes, masks, labels, truth)
    points = torch.rand(len(matches.layer), POINTS, 2)
    monkeypatch.setattr(criterion, "match", lambda *_: matches)
    monkeypatch.setattr("m2f.models.criterion.uncertain_points", lambda *_: points)
    result = criterion(classes, masks, labels, truth)
    expected = reference_losses(classes, masks, labels, truth, matches, points)
    torch.testing.assert_close(result["loss"], expected.sum())
    for name, value in zip(("loss_class", "loss_entropy", "loss_dice"), expected, strict=True):
        parts = [result[name], *(result[f"d{layer}.{name}"] for layer in range(LAYERS - 1))]
        torch.testing.assert_close(torch.stack(parts).sum(), value)


class KnowingMasks(PointCriterion):
    """Weights the class loss by what is known of the masks: here, by the number of target pixels."""

    def class_loss(self, class_logits, matches, labels, masks, targets):
        assert masks.layers == len(class_logits)
        pixels = torch.stack([targets[i][t].sum() for i, t in zip(matches.image, matches.target, strict=True)])
        return super().class_loss(class_logits, matches, labels, masks, targets) * pixels.sum()


def test_the_class_loss_may_see_the_masks(criterion):
    classes, masks = predictions(2)
    labels, truth = targets((3, 2))
    losses = []
    for own in (criterion, KnowingMasks(CLASSES, POINTS)):
        torch.manual_seed(5)
        losses.append(own(classes, masks, labels, truth))
    usual, knowing = losses
    pixels = LAYERS * sum(int(own.sum()) for own in truth)  # every layer matches each target once
    torch.testing.assert_close(knowing["loss_class"], usual["loss_class"] * pixels)
    assert torch.equal(knowing["loss_dice"], usual["loss_dice"])


@pytest.mark.parametrize("counts", [(3, 2), (0, 4)], ids=["usual", "an empty image"])
def test_the_loss_of_companions_equals_plain_loops(criterion, monkeypatch, counts):
    """Companion i with target i in every layer; those without a target, here the last, have no loss."""
    classes, masks = predictions(2)
    own_classes, own_masks = predictions(2, seed=1)
    labels, truth = targets(counts)
    points = torch.rand(LAYERS * sum(counts), POINTS, 2)
    monkeypatch.setattr("m2f.models.criterion.uncertain_points", lambda *_: points)
    terms = torch.zeros(3)
    for layer in range(LAYERS):
        for number, (image, target) in enumerate((i, t) for i, count in enumerate(counts) for t in range(count)):
            logits = own_classes[layer, image, target]
            terms[0] -= 2 * logits.log_softmax(0)[labels[image][target]] / sum(counts)
            dense = dense_logits(own_masks.embeddings[layer], own_masks.features)[image, target]
            where = points[layer * sum(counts) + number][None]
            predicted = sample_points(dense[None, None], where)[0, 0].sigmoid()
            expected = sample_points(truth[image][target][None, None].float(), where)[0, 0]
            terms[1] += 5 * F.binary_cross_entropy(predicted, expected) / sum(counts)
            dice = (2 * (predicted * expected).sum() + 1) / (predicted.sum() + expected.sum() + 1)
            terms[2] += 5 * (1 - dice) / sum(counts)
    alone, together = (
        criterion(classes, masks, labels, truth, company)["loss"]
        for company in (None, DecoderOutput(own_classes, own_masks))
        if torch.manual_seed(4)
    )
    torch.testing.assert_close(together - alone, terms.sum())


def test_processes_meet_as_often_with_companions_as_without(criterion, monkeypatch):
    """One whose images have no targets has no companions, and waits for nobody."""
    met = []
    monkeypatch.setattr("m2f.models.criterion.all_reduce", met.append)
    for counts, company in (((3, 2), DecoderOutput(*predictions(2, seed=1))), ((0, 0), None)):
        criterion(*predictions(2), *targets(counts), company)
    assert len(met) == 2


def test_a_batch_without_any_target_trains_classes_alone(criterion):
    classes, masks = predictions(2)
    labels, truth = targets((0, 0))
    result = criterion(classes.requires_grad_(), masks, labels, truth)
    assert result["loss_entropy"] == 0
    assert result["loss_dice"] == 0
    result["loss"].backward()
    assert classes.grad.abs().sum() > 0


def test_every_layer_matches_the_prediction_that_is_right(criterion):
    classes, masks = torch.zeros(LAYERS, 1, QUERIES, CLASSES + 1), None
    truth = [torch.zeros(2, 32, 32, dtype=torch.bool)]
    truth[0][0, :16], truth[0][1, 16:] = True, True
    upper = torch.nn.functional.interpolate(truth[0][None].float(), size=(8, 8))[0]
    embeddings = torch.zeros(LAYERS, 1, QUERIES, 2)
    right = {0: 3, 1: 0, 2: 4}
    for layer, query in right.items():
        embeddings[layer, 0, query] = torch.tensor([10.0, -10.0])
    masks = EmbeddedMasks(embeddings, upper[None])
    matches = criterion.match(classes, masks, [torch.tensor([1, 2])], truth)
    first = matches.target == 0
    assert {
        int(layer): int(query) for layer, query in zip(matches.layer[first], matches.query[first], strict=True)
    } == right


def test_sampled_targets_equal_sampling_one_by_one(criterion):
    _, truth = targets((2, 3))
    matches = Matches(
        layer=torch.tensor([0, 1, 0, 2, 1]),
        image=torch.tensor([0, 0, 1, 1, 1]),
        query=torch.zeros(5, dtype=torch.long),
        target=torch.tensor([1, 1, 2, 0, 2]),
    )
    points = torch.rand(5, POINTS, 2)
    expected = torch.stack(
        [
            sample_points(truth[image][target][None, None].float(), points[index][None])[0, 0]
            for index, (image, target) in enumerate(zip(matches.image, matches.target, strict=True))
        ]
    )
    torch.testing.assert_close(criterion.sample_targets(truth, matches, points), expected)


def cell_centres(side):
    steps = (torch.arange(side) + 0.5) / side
    return torch.stack([steps.repeat(side), steps.repeat_interleave(side)], dim=1)


@pytest.mark.parametrize("focal", [False, True], ids=["entropy", "focal"])
@pytest.mark.parametrize("counts", [(3, 2), (0, 4), (0, 0)], ids=["usual", "an empty image", "nothing"])
def test_masks_are_points_when_every_pixel_is_a_point(monkeypatch, counts, focal):
    """Predictions and targets of one size: matching and loss on masks equal those on points at all pixel centres."""
    classes, masks = predictions(len(counts))
    labels, truth = targets(counts)
    truth = [own[:, :8, :8].contiguous() for own in truth]
    centres = cell_centres(8)
    monkeypatch.setattr(
        "m2f.models.criterion.random_points", lambda count, points, device: centres.expand(count, -1, -1)
    )
    monkeypatch.setattr("m2f.models.criterion.uncertain_points", lambda logits, *_: centres.expand(len(logits), -1, -1))
    results = {}
    for place in ("points", "masks"):
        criterion = PointCriterion(CLASSES, 64, match_on=place, train_on=place, focal=focal)
        matches = criterion.match(classes, masks, labels, truth)
        results[place] = (matches, criterion(classes, masks, labels, truth))
    (by_points, point_losses), (by_masks, mask_losses) = results["points"], results["masks"]
    assert all(torch.equal(getattr(by_points, name), getattr(by_masks, name)) for name in vars(by_points))
    for name, value in point_losses.items():
        torch.testing.assert_close(mask_losses[name], value, rtol=1e-4, atol=1e-6)


def test_losses_on_masks_upsample_predictions_and_targets_are_resized_for_matching():
    """MaskFormer's way, written out: the loss at the targets' size, the cost at the predictions'."""
    classes, masks = predictions(1)
    labels, truth = targets((2,))
    criterion = PointCriterion(CLASSES, POINTS, match_on="masks", train_on="masks")
    predicted, expected = criterion.whole_masks(masks, truth)
    predicted = torch.stack(list(predicted))
    assert predicted.shape == (LAYERS, 1, QUERIES, 64)
    torch.testing.assert_close(expected[0, 0].view(2, 8, 8), truth[0][:, ::4, ::4].float())
    matches = criterion.match(classes, masks, labels, truth)
    logits, values = criterion.matched(masks, matches, truth)
    for row in range(len(matches.layer)):
        layer, query, target = matches.layer[row], matches.query[row], matches.target[row]
        dense = dense_logits(masks.embeddings[layer], masks.features)[0, query]
        upsampled = F.interpolate(dense[None, None], size=(32, 32), mode="bilinear", align_corners=False)
        torch.testing.assert_close(logits[row].view(32, 32), upsampled[0, 0])
        assert torch.equal(values[row].view(32, 32), truth[0][target].float())


def test_focal_loss_is_its_formula():
    logits, expected = torch.randn(50) * 3, (torch.rand(50) > 0.5).float()
    entropy = F.binary_cross_entropy_with_logits(logits, expected, reduction="none")
    for value, logit, target in zip(entropy * focal_weight(logits, expected), logits, expected, strict=True):
        right = logit.sigmoid() if target else 1 - logit.sigmoid()
        alpha = 0.25 if target else 0.75
        torch.testing.assert_close(value, -alpha * (1 - right) ** 2 * right.log(), rtol=1e-4, atol=1e-6)


def test_gradients_reach_the_predictions_from_masks():
    classes, masks = predictions(2)
    masks.embeddings.requires_grad_()
    labels, truth = targets((2, 0))
    PointCriterion(CLASSES, POINTS, match_on="masks", train_on="masks")(classes, masks, labels, truth)[
        "loss"
    ].backward()
    assert masks.embeddings.grad[:, 0].abs().sum() > 0
    assert not masks.embeddings.grad[:, 1].any()


@pytest.mark.parametrize("name", ["match_on", "train_on"])
def test_place_must_be_known(name):
    with pytest.raises(ValueError, match=f"{name} must be 'points' or 'masks'"):
        PointCriterion(CLASSES, **{name: "boxes"})
