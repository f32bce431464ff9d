import pytest
import torch

from m2f.models.mask_prediction import DenseMasks, EmbeddedMasks, dense_logits, resize


@pytest.fixture
def both():
    torch.manual_seed(0)
    embeddings, features = torch.randn(3, 2, 5, 8), torch.randn(2, 8, 12, 16)  # L, B, Q, D and B, D, h, w
    dense = torch.stack([dense_logits(layer, features) for layer in embeddings])
    return EmbeddedMasks(embeddings, features), DenseMasks(dense)


@pytest.mark.parametrize("sets", [1, 3])
def test_points_of_embedded_masks_are_points_of_dense_masks(both, sets):
    embedded, dense = both
    points = torch.rand(sets, 2, 20, 2)
    for ours, theirs in zip(embedded.at_points(points), dense.at_points(points), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_picked_masks_agree_whatever_their_order(both):
    embedded, dense = both
    layer, image, query = torch.tensor([2, 0, 1, 2]), torch.tensor([1, 0, 1, 0]), torch.tensor([4, 0, 3, 3])
    torch.testing.assert_close(embedded.of(layer, image, query), dense.of(layer, image, query))


def test_one_images_answer_is_its_last_masks(both):
    embedded, dense = both
    query = torch.tensor([3, 0])
    torch.testing.assert_close(embedded.answer(1, query), dense.answer(1, query))
    torch.testing.assert_close(dense.answer(1, query), dense.logits[2, 1, query])


def test_no_picked_mask_still_ties_gradients():
    """A process without targets must take part in every parameter's reduction."""
    embeddings = torch.randn(1, 1, 2, 4, requires_grad=True)
    nothing = torch.zeros(0, dtype=torch.long)
    EmbeddedMasks(embeddings, torch.randn(1, 4, 2, 2)).of(nothing, nothing, nothing).sum().backward()
    assert embeddings.grad is not None


def test_resizing_commutes_with_the_product():
    torch.manual_seed(0)
    embeddings, features = torch.randn(2, 5, 8), torch.randn(2, 8, 16, 24)
    resized_after = resize(dense_logits(embeddings, features), (4, 6))
    torch.testing.assert_close(dense_logits(embeddings, resize(features, (4, 6))), resized_after)


def test_nothing_resizes_to_nothing():
    assert resize(torch.zeros(1, 0, 4, 4), (8, 6)).shape == (1, 0, 8, 6)
