import pytest
import torch

from m2f.models.transformer_decoder import LearntSoftMaskedAttention


@pytest.mark.parametrize(
    ("heads", "alphas"), [(8, [32, 32, 16, 16, 8, 8, 4, 4]), (4, [32, 16, 8, 4]), (2, [32, 8])], ids=str
)
def test_heads_begin_as_hodors(heads, alphas):
    assert LearntSoftMaskedAttention(16, heads).alpha.tolist() == alphas


def test_the_bias_is_its_formula(given, loop):
    query, position, level, masks = given
    variant = LearntSoftMaskedAttention(8, 2)
    with torch.no_grad():
        variant.alpha.copy_(torch.tensor([3.0, 0.5]))

    def bias(image, head, index):
        return -variant.alpha[head] * (1 - masks[image, index].sigmoid())

    expected = loop(variant.attention, query, position, level, bias)
    result = variant(query, position, level, masks)
    torch.testing.assert_close(result, expected)
    result.sum().backward()
    assert variant.alpha.grad.all()
