import torch

from m2f.models import PointCriterion, SharedMatchingCriterion
from m2f.models.mask_prediction import DenseMasks, EmbeddedMasks


def test_every_layer_has_the_pairs_of_the_last():
    torch.manual_seed(0)
    classes = torch.randn(3, 2, 5, 5)
    masks = EmbeddedMasks(torch.randn(3, 2, 5, 8), torch.randn(2, 8, 8, 8))
    labels = [torch.randint(4, (count,)) for count in (3, 2)]
    truth = [torch.rand(count, 32, 32) > 0.5 for count in (3, 2)]
    for own in (masks, DenseMasks(masks.everything())):
        torch.manual_seed(1)
        last = PointCriterion(4, 32).match(classes[-1:], own.at_layer(2), labels, truth)
        torch.manual_seed(1)
        found = SharedMatchingCriterion(4, 32).match(classes, own, labels, truth)
        pairs = list(zip(last.image.tolist(), last.query.tolist(), last.target.tolist(), strict=True))
        expected = [(layer, *pair) for layer in range(3) for pair in pairs]
        assert list(zip(*(own.tolist() for own in vars(found).values()), strict=True)) == expected
