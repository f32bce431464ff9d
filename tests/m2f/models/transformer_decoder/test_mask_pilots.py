import pytest
import torch

from m2f.models.transformer_decoder import LearnableQueries, MaskedAttentionDecoder, MaskPilots
from m2f.models.transformer_decoder.queries import Seen


@pytest.fixture
def targets():
    torch.manual_seed(0)
    return [torch.tensor([2, 0, 1]), torch.tensor([1])], [torch.rand(3, 32, 32) > 0.5, torch.rand(1, 32, 32) > 0.5]


def test_a_pilot_is_its_targets_class(targets):
    pilots = MaskPilots(3, 8, label_noise=0.0)
    company = pilots(torch.randn(2, 4, 8), *targets)
    assert torch.equal(company.features[0], pilots.features.weight[targets[0][0]])
    assert torch.equal(company.features[1, 0], pilots.features.weight[1])
    assert not company.positions.any()
    assert company.masks is targets[1]


def test_as_many_classes_are_wrong_as_it_says():
    """Of 4 classes a random one is wrong 3 times of 4."""
    pilots, labels = MaskPilots(4, 4, label_noise=0.2), torch.randint(4, (20000,))
    company = pilots(torch.randn(1, 4, 4), [labels], [torch.zeros(20000, 1, 1, dtype=torch.bool)])
    right = (company.features[0] == pilots.features.weight[labels]).all(dim=1)
    assert 1 - right.float().mean() == pytest.approx(0.2 * 3 / 4, abs=0.01)


def test_nobody_sees_a_place_without_a_target(targets):
    company = MaskPilots(3, 8)(torch.randn(2, 4, 8), *targets)
    assert company.seen.shape == (2, 3, 4 + 3)
    assert company.seen[0].all()
    assert company.seen[1].tolist() == [[True] * 5 + [False] * 2] * 3


def test_they_train_in_every_prediction_and_are_gone_in_inference(targets):
    decoder = decoder_of("MaskedAttention", companions={"type": "MaskPilots"})
    features = [torch.randn(2, 8, side, side) for side in (1, 2, 4)], torch.randn(2, 8, 8, 8)
    output = decoder(*features, all_layers=True, truth=targets)
    assert output.company.class_logits.shape == (4, 2, 3, 4)
    output.company.class_logits.square().sum().backward()
    assert decoder.companions.features.weight.grad.any()
    assert decoder(*features, all_layers=False).company is None


def decoder_of(attention, **options):
    queries = {"type": "LearnableQueries", "num_queries": 5}
    return MaskedAttentionDecoder(3, {"type": attention}, queries, 8, 2, 16, 3, **options)


def test_all_else_begins_with_the_weights_that_it_has_without_them():
    weights = []
    for options in ({}, {"companions": {"type": "MaskPilots"}}):
        torch.manual_seed(0)
        weights.append(decoder_of("MaskedAttention", **options).state_dict())
    assert all(torch.equal(values, weights[1][name]) for name, values in weights[0].items())


def test_k_means_pilots_read_what_their_masks_promise(targets, monkeypatch):
    given = []
    monkeypatch.setattr(
        "m2f.models.transformer_decoder.KMeansAttention.of_companions",
        lambda self, query, position, level, masks: given.append(masks > 0) or query,
    )
    decoder = decoder_of("KMeansAttention", companions={"type": "MaskPilots"})
    features = [torch.randn(2, 8, side, side) for side in (1, 2, 4)], torch.randn(2, 8, 8, 8)
    decoder(*features, all_layers=True, truth=targets)
    assert [masks.shape for masks in given] == [(2, 3, 1), (2, 3, 4), (2, 3, 16)]
    blocks = targets[1][0].unflatten(2, (4, 8)).unflatten(1, (4, 8)).amax((2, 4))
    assert torch.equal(given[2][0], blocks.flatten(1))


def test_queries_may_be_without_positions():
    queries = LearnableQueries(5, 8, with_positions=False)
    features, positions = queries(Seen([], torch.randn(2, 8, 4, 4), None))
    assert features.shape == (2, 5, 8)
    assert positions.shape == (1, 5, 8)
    assert not positions.any()
    assert [name for name, _ in queries.named_parameters()] == ["features.weight"]
