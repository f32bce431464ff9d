import pytest
import torch

from m2f.models.pixel_decoders import FPN, TransformerEncoderFPN
from m2f.models.pixel_decoders.transformer_encoder_fpn import EncoderLayer

DIMS, HEADS, HIDDEN = 16, 4, 24


def torchs_layer(ours, dropout=0.0):
    """torch's post-norm layer with our weights."""
    theirs = torch.nn.TransformerEncoderLayer(DIMS, HEADS, HIDDEN, dropout, batch_first=True)
    attention = ours.attention
    packed = [attention.query, attention.key, attention.value]
    state = {
        "self_attn.in_proj_weight": torch.cat([projection.weight for projection in packed]),
        "self_attn.in_proj_bias": torch.cat([projection.bias for projection in packed]),
    }
    pairs = {
        "self_attn.out_proj": attention.output,
        "linear1": ours.feedforward[0],
        "linear2": ours.feedforward[3],
        "norm1": ours.norms[0],
        "norm2": ours.norms[1],
    }
    for name, module in pairs.items():
        state |= {f"{name}.weight": module.weight, f"{name}.bias": module.bias}
    theirs.load_state_dict(state)
    return theirs


def encoder_layer(dropout=0.0):
    torch.manual_seed(0)
    layer = EncoderLayer(DIMS, HEADS, HIDDEN, dropout)
    for parameter in layer.parameters():  # nothing at its initial zero, so that every weight counts
        torch.nn.init.normal_(parameter, std=0.3)
    return layer


def test_layers_equal_torchs():
    ours = encoder_layer()
    source = torch.randn(2, 12, DIMS)
    torch.testing.assert_close(ours(source, torch.zeros(1, 12, DIMS)), torchs_layer(ours)(source))


def test_positions_reach_queries_and_keys_only():
    ours = encoder_layer()
    theirs = torchs_layer(ours)
    source, position = torch.randn(2, 12, DIMS), torch.randn(1, 12, DIMS)
    positioned = source + position
    attended = theirs.norm1(source + theirs.self_attn(positioned, positioned, source)[0])
    expected = theirs.norm2(attended + theirs.linear2(theirs.linear1(attended).relu()))
    torch.testing.assert_close(ours(source, position), expected)


def test_dropout_has_torchs_rate():
    """Enough tokens that the change dropout brings has the same size as in torch's layer."""
    ours = encoder_layer(dropout=0.3)
    theirs = torchs_layer(ours, dropout=0.3)
    source = torch.randn(8, 500, DIMS)
    position = torch.zeros(1, 500, DIMS)
    steady = ours.eval()(source, position)
    torch.testing.assert_close(ours(source, position), theirs.eval()(source))
    change = (ours.train()(source, position) - steady).square().mean()
    assert change.item() == pytest.approx((theirs.train()(source) - steady).square().mean().item(), rel=0.05)


def test_dropout_reaches_both_residuals():
    """Dropping all of them leaves the two norms."""
    ours = encoder_layer().train()
    ours.dropout.p = 1.0
    source = torch.randn(2, 12, DIMS)
    torch.testing.assert_close(ours(source, torch.randn(1, 12, DIMS)), ours.norms[1](ours.norms[0](source)))


def test_only_the_coarsest_level_is_encoded():
    """Without layers and with the projection folded into it, it is the FPN."""
    torch.manual_seed(0)
    ours = TransformerEncoderFPN([3, 5, 7, 9], DIMS, num_layers=0, norm_groups=4)
    plain = FPN([3, 5, 7, DIMS], DIMS, norm_groups=4)
    plain.load_state_dict(ours.state_dict(), strict=False)
    features = [
        torch.randn(1, channels, size, size) for channels, size in zip([3, 5, 7, 9], [16, 8, 4, 2], strict=True)
    ]
    projected = torch.einsum("bchw,dc->bdhw", features[3], ours.projection.weight[:, :, 0, 0])
    expected_pyramid, expected_mask_features = plain([*features[:3], projected])
    pyramid, mask_features = ours(features)
    torch.testing.assert_close(pyramid, expected_pyramid)
    torch.testing.assert_close(mask_features, expected_mask_features)


def test_the_encoder_knows_places():
    """Self-attention alone would turn a shuffled map into the shuffled result; positions forbid it."""
    torch.manual_seed(0)
    ours = TransformerEncoderFPN([3, 5, 7, 9], DIMS, num_layers=1, num_heads=HEADS, norm_groups=4)
    feature = torch.randn(1, 9, 3, 4)
    mirrored = ours.encode(feature.flip(3)).flip(3)
    assert (mirrored - ours.encode(feature)).abs().max() > 1e-2
    ours.position_encoding.scale = 0.0
    torch.testing.assert_close(ours.encode(feature.flip(3)).flip(3), ours.encode(feature))
