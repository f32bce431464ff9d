import pytest
import torch

from m2f.models.transformer_decoder import AnnealedMaskedAttention, CrossAttention, MaskedAttention


def placed(layer, layers, progress):
    variant = AnnealedMaskedAttention(8, 2)
    variant.place = (layer, layers)
    if progress is not None:
        variant.progress.tell(progress)
    return variant


@pytest.mark.parametrize("layer", range(4))
def test_the_windows_of_four_layers_are_eomts(layer):
    """Its configs: 1/6 to 2/6, 2/6 to 3/6, 3/6 to 4/6, 4/6 to 5/6 of the training, each falling by a power of 0.9."""
    start = (layer + 1) / 6
    for progress, kept in (
        (0.0, 1.0),
        (start - 1e-6, 1.0),
        (start + 1 / 24, 0.75**0.9),
        (start + 1 / 12, 0.5**0.9),
        (start + 1 / 6 + 1e-6, 0.0),
        (1.0, 0.0),
    ):
        assert placed(layer, 4, progress).kept == pytest.approx(kept, abs=1e-5)


def test_it_is_masked_attention_first_and_cross_attention_last(given):
    query, position, level, masks = given
    before, after = placed(1, 3, 0.39), placed(1, 3, 0.61)
    for variant, design, given_masks in ((before, MaskedAttention, masks), (after, CrossAttention, None)):
        other = design(8, 2)
        other.attention.load_state_dict(variant.attention.state_dict())
        assert variant.needs_masks == other.needs_masks
        result = variant(query, position, level, given_masks)
        assert torch.equal(result, other(query, position, level, given_masks))


def test_between_each_query_keeps_its_mask_or_attends_everywhere(given):
    query, position, level, masks = given
    variant = placed(1, 3, 0.5)
    masked, everywhere = (
        variant.attention.weights(query + position, level.source + level.position, bias).mean(dim=1)
        for bias in (MaskedAttention(8, 2).bias(query, position, level, masks), None)
    )
    kept, passes = 0, 200
    torch.manual_seed(0)
    for _ in range(passes):
        found = variant.attention_map(query, position, level, masks)
        is_masked, is_everywhere = (found.isclose(own).all(dim=2) for own in (masked, everywhere))
        assert (is_masked | is_everywhere).all()
        kept += int((is_masked & ~is_everywhere).sum())
    drawn = passes * int((~masked.isclose(everywhere).all(dim=2)).sum())
    assert kept / drawn == pytest.approx(0.5**0.9, abs=0.06)


def test_costs_are_those_of_the_trained_model_and_of_the_first_step():
    variant = placed(2, 9, None)
    assert not variant.eval().needs_masks
    assert variant.train().needs_masks
