"""What designs may use of the decoder; those that use none of it compute bit for bit what they did."""

import pytest
import torch
from torch import nn

from m2f.models.mask_prediction import DenseMasks, EmbeddedMasks
from m2f.models.training_progress import TrainingProgress
from m2f.models.transformer_decoder import MaskedAttention, MaskedAttentionDecoder, Queries
from m2f.models.transformer_decoder.companions import Company
from m2f.models.transformer_decoder.decoder import at_cells, attention_logits
from m2f.registry import MODELS

QUERIES, DIMS, CLASSES = 5, 16, 3


def build(cross_attention="MaskedAttention", queries="LearnableQueries", **options):
    torch.manual_seed(0)
    return MaskedAttentionDecoder(
        num_classes=CLASSES,
        cross_attention={"type": cross_attention},
        queries={"type": queries, "num_queries": QUERIES},
        embed_dims=DIMS,
        num_heads=2,
        feedforward_dims=32,
        num_layers=4,
        **options,
    )


@pytest.fixture
def features():
    torch.manual_seed(1)
    pyramid = [torch.randn(2, DIMS, side, side + 1) for side in (2, 4, 8)]
    return pyramid, torch.randn(2, DIMS, 16, 18)


def plain_forward(decoder, pyramid, mask_features):
    """The paper's decoder written out, with nothing that a later design may use."""
    levels = [decoder._level({stride: level}) for stride, level in zip((32, 16, 8), pyramid, strict=True)]
    masked = decoder.layers[0].cross_attention.needs_masks
    queries = decoder.queries
    position = queries.positions.weight[None]
    features = queries.features.weight if queries.supervised else torch.zeros_like(position[0])
    query = features.expand(2, -1, -1)
    predictions = []

    def predict():
        state = decoder.norm(query)
        embedding = decoder.mask_embedding(state)
        masks = torch.einsum("bqd,bdhw->bqhw", embedding, mask_features) if decoder.dense else embedding
        return state, masks

    for index, layer in enumerate(decoder.layers):
        level = levels[index % 3]
        state, masks = predict()
        if index or queries.supervised:
            predictions.append((state, masks))
        steering = None if decoder.dense else at_cells(mask_features, level.sizes).detach()
        logits = attention_logits(masks, steering, level.sizes) if masked else None
        for step in ("read", "exchange") if layer.cross_attention_first else ("exchange", "read"):
            if step == "read":
                query = layer.norms[0](query + layer.cross_attention(query, position, level, logits))
            else:
                positioned = query + position
                query = layer.norms[1](query + layer.self_attention(positioned, positioned, query))
        query = layer.norms[2](query + layer.feedforward(query))
    predictions.append(predict())
    states, masks = (torch.stack(parts) for parts in zip(*predictions, strict=True))
    return decoder.classifier(states), DenseMasks(masks) if decoder.dense else EmbeddedMasks(masks, mask_features)


def gradients(decoder, class_logits, masks):
    decoder.zero_grad()
    torch.manual_seed(2)
    everything = masks.everything()
    (class_logits * torch.randn_like(class_logits)).sum().backward(retain_graph=True)
    (everything * torch.randn_like(everything)).sum().backward()
    return {name: own.grad for name, own in decoder.named_parameters() if own.grad is not None}


@pytest.mark.parametrize("mask_prediction", ["embedded", "dense"])
@pytest.mark.parametrize("queries", ["LearnableQueries", "ZeroQueries"])
@pytest.mark.parametrize("variant", ["CrossAttention", "SMCA", "MaskPooling", "MaskedAttention"])
def test_the_papers_designs_compute_bit_for_bit_what_they_did(variant, queries, mask_prediction, features):
    decoder = build(variant, queries, mask_prediction=mask_prediction, cross_attention_first=variant != "SMCA")
    output = decoder(*features, all_layers=True)
    class_logits, masks = plain_forward(decoder, *features)
    assert torch.equal(output.class_logits, class_logits)
    assert torch.equal(output.masks.everything(), masks.everything())
    found, expected = gradients(decoder, output.class_logits, output.masks), gradients(decoder, class_logits, masks)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@MODELS.register_module()
class BrightestCells(Queries):
    """Queries that begin as the cells of 1/32 which their own classification is surest of."""

    supervised = True
    detached = True

    def __init__(self, num_queries, embed_dims):
        super().__init__()
        self.num_queries = num_queries
        self.token = nn.Linear(embed_dims, embed_dims)

    def forward(self, seen):
        tokens = self.token(seen.pyramid[0].flatten(2).transpose(1, 2))
        chosen = seen.classify(tokens).amax(2).topk(self.num_queries, dim=1).indices
        features = torch.stack([own[rows] for own, rows in zip(tokens, chosen, strict=True)])
        return features, torch.zeros_like(features)


def test_queries_may_see_the_images(features):
    decoder = build(queries="BrightestCells")
    output = decoder(*features, all_layers=True)
    pyramid, _ = features
    tokens = decoder.queries.token(pyramid[0].flatten(2).transpose(1, 2))
    for image in range(2):
        logits = decoder.classifier(decoder.norm(tokens[image]))
        chosen = sorted(range(len(logits)), key=lambda cell, own=logits: -own[cell].max())[:QUERIES]
        torch.testing.assert_close(output.class_logits[0, image], logits[chosen])
    with pytest.raises(AssertionError):  # positions of each image's own are taken: images differ
        torch.testing.assert_close(output.class_logits[-1, 0], output.class_logits[-1, 1])


def test_detached_queries_learn_from_their_own_prediction_alone(features):
    decoder = build(queries="BrightestCells")
    weight = decoder.queries.token.weight
    output = decoder(*features, all_layers=True)
    (later,) = torch.autograd.grad(output.class_logits[1:].sum(), weight, retain_graph=True, allow_unused=True)
    (own,) = torch.autograd.grad(output.class_logits[0, ..., 0].sum(), weight)
    assert later is None or not later.any()
    assert own.any()


@MODELS.register_module()
class MaskedUntilItsTurn(MaskedAttention):
    """Needs masks until the training has come to its layer."""

    def __init__(self, embed_dims, num_heads, dropout=0.0):
        super().__init__(embed_dims, num_heads, dropout)
        self.progress = TrainingProgress()

    @property
    def needs_masks(self):
        layer, layers = self.place
        return self.progress.value < layer / layers

    def bias(self, query, query_position, level, mask_logits):
        return None if mask_logits is None else super().bias(query, query_position, level, mask_logits)


@pytest.mark.parametrize("mask_prediction", ["embedded", "dense"])
@pytest.mark.parametrize("layers_done", range(5))
def test_each_layer_is_asked_in_every_pass_whether_it_needs_masks(layers_done, mask_prediction, features):
    decoder = build("MaskedUntilItsTurn", mask_prediction=mask_prediction)
    given = []
    for layer in decoder.layers:
        layer.cross_attention.progress.tell(layers_done / 4)
        layer.cross_attention.register_forward_pre_hook(lambda _, inputs: given.append(inputs[3]))
    output = decoder(*features, all_layers=True)
    assert [logits is not None for logits in given] == [layer > layers_done for layer in range(4)]
    if layers_done == 4:
        assert torch.equal(
            output.class_logits,
            build("CrossAttention", mask_prediction=mask_prediction)(*features, all_layers=True).class_logits,
        )


@MODELS.register_module()
class Heralds(nn.Module):
    """Companions that are their targets' classes, two more than the most targets, and see some of the others."""

    def __init__(self, num_classes, embed_dims):
        super().__init__()
        self.features = nn.Embedding(num_classes, embed_dims)

    def forward(self, query, labels, masks):
        number = max(map(len, labels)) + 2
        padded = nn.utils.rnn.pad_sequence(list(labels), batch_first=True)
        padded = nn.functional.pad(padded, (0, 2))
        seen = torch.ones(len(labels), number, query.shape[1] + number, dtype=torch.bool)
        seen[:, :, -1] = False  # nobody sees the last one
        return Company(self.features(padded), torch.zeros(1, number, DIMS), masks, seen)


@MODELS.register_module()
class Competition(nn.Module):
    """A read for which the queries of an image compete."""

    needs_masks = True

    def __init__(self, embed_dims, num_heads, dropout=0.0):
        super().__init__()

    def forward(self, query, query_position, level, mask_logits):
        return mask_logits.softmax(dim=1) @ level.source


def truth(*counts):
    torch.manual_seed(3)
    return [torch.randint(CLASSES, (count,)) for count in counts], [torch.rand(count, 64, 72) > 0.9 for count in counts]


@pytest.mark.parametrize("mask_prediction", ["embedded", "dense"])
@pytest.mark.parametrize("variant", ["CrossAttention", "MaskedAttention", "Competition"])
def test_no_query_knows_of_the_companions(variant, mask_prediction, features):
    decoder = build(variant, mask_prediction=mask_prediction, companions={"type": "Heralds"})
    alone = decoder(*features, all_layers=True)
    with_some, with_others = (decoder(*features, all_layers=True, truth=truth(*counts)) for counts in ((3, 1), (2, 4)))
    assert with_some.company.class_logits.shape == (5, 2, 3 + 2, CLASSES + 1)
    assert with_others.company.class_logits.shape == (5, 2, 4 + 2, CLASSES + 1)
    assert alone.company is None
    for output in (with_some, with_others):
        torch.testing.assert_close(output.class_logits, alone.class_logits)
        torch.testing.assert_close(output.masks.everything(), alone.masks.everything(), rtol=1e-4, atol=1e-5)


def test_companions_see_whom_they_may(features):
    """The last herald, whom nobody sees, changes nobody but itself; the first changes all the others."""
    decoder = build("CrossAttention", companions={"type": "Heralds"})
    changed = {}
    for place in (0, -1):

        def change(_, given, company, place=place):
            company.features.data[:, place] += 1

        with decoder.companions.register_forward_hook(change):
            output = decoder(*features, all_layers=True, truth=truth(3, 3))
        changed[place] = output.company.class_logits[-1]
    usual = decoder(*features, all_layers=True, truth=truth(3, 3)).company.class_logits[-1]
    differs = {place: ~usual.isclose(own, atol=1e-5).all(2).all(0) for place, own in changed.items()}
    assert differs[0].tolist() == [True] * 5
    assert differs[-1].tolist() == [False] * 4 + [True]


def test_companions_look_where_their_targets_are(features):
    decoder = build(companions={"type": "Heralds"})
    given = []
    for layer in decoder.layers:
        layer.cross_attention.register_forward_pre_hook(lambda _, inputs: given.append(inputs[2:]))
    labels, masks = truth(3, 1)
    masks[0][1] = False
    masks[0][1, 40, 40] = True  # one pixel
    decoder(*features, all_layers=True, truth=(labels, masks))
    for level, logits in given[1::2]:  # queries and companions read one after the other
        height, width = level.sizes[0]
        expected = torch.zeros(2, 5, height, width, dtype=torch.bool)
        for image, own in enumerate(masks):
            for target, mask in enumerate(own):
                for y, x in mask.nonzero().tolist():
                    for row in range(y * height // 64, -(-(y + 1) * height // 64)):
                        for column in range(x * width // 72, -(-(x + 1) * width // 72)):
                            expected[image, target, row, column] = True
        assert torch.equal(logits > 0, expected.flatten(2))
        assert torch.equal(logits.abs(), torch.full_like(logits, 10))


def test_without_targets_there_are_no_companions(features):
    decoder = build(companions={"type": "Heralds"})
    output = decoder(*features, all_layers=True, truth=truth(0, 0))
    assert output.company is None
    assert torch.equal(output.class_logits, decoder(*features, all_layers=True).class_logits)
