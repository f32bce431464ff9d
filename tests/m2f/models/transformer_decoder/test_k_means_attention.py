import torch

from m2f.models.transformer_decoder import KMeansAttention


def trained(dims=8):
    variant = KMeansAttention(dims, 2)
    torch.nn.init.xavier_uniform_(variant.output.weight)
    return variant


def test_it_is_the_sum_over_the_pixels_that_a_query_owns(given):
    query, position, level, masks = given
    masks[:, 3] = -9  # owns nothing
    variant = trained()
    values = variant.value(level.source)
    sums = torch.zeros(2, 4, 8)
    for image in range(2):
        for pixel in range(15):
            owner = max(range(4), key=lambda index, at=(image, pixel): masks[at[0], index, at[1]])
            sums[image, owner] += values[image, pixel]
    result = variant(query, position, level, masks)
    torch.testing.assert_close(result, variant.output(variant.norm(sums)))
    torch.testing.assert_close(result[0, 3], result[1, 3])  # a constant
    shown = variant.attention_map(query, position, level, masks)
    assert not shown[:, 3].any()
    torch.testing.assert_close(variant.norm(shown @ values)[:, :3], variant.norm(sums)[:, :3], rtol=1e-3, atol=1e-3)


def test_a_layer_begins_as_the_identity(given):
    query, position, level, masks = given
    assert not KMeansAttention(8, 2)(query, position, level, masks).any()


def test_nothing_learns_through_the_assignment(given):
    query, position, level, masks = given
    masks.requires_grad_()
    variant = trained()
    variant(query, position, level, masks).square().sum().backward()
    assert masks.grad is None
    assert variant.value.weight.grad.any()


def test_companions_do_not_compete(given):
    """Each reads all of its own mask, where another's lies too, and nothing of what none has."""
    query, position, level, masks = given
    masks = torch.full_like(masks, -10.0)
    masks[:, :2, 3:6] = 10.0  # two in the same cells
    masks[:, 2, 8] = 10.0
    variant = trained()
    values = variant.value(level.source)
    sums = torch.stack([values[:, 3:6].sum(1), values[:, 3:6].sum(1), values[:, 8], values.sum(1)], dim=1)
    found = variant.of_companions(query, position, level, masks)
    torch.testing.assert_close(found, variant.output(variant.norm(sums)), msg="the last, without a cell, reads all")
