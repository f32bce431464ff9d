"""Against mmdet's ports of MaskFormer's pixel decoders, which give what its transformer decoder reads besides."""

import pytest
import torch
from mmdet.models.layers import PixelDecoder, TransformerEncoderPixelDecoder

from m2f.models.pixel_decoders import MaskFormerEncoderFPN, MaskFormerFPN, TransformerEncoderFPN

CHANNELS, DIMS, HEADS = [4, 6, 8, 10], 32, 4
SIZES = [(26, 34), (13, 17), (7, 9), (4, 5)]


def features():
    return [torch.randn(2, channels, *size) for channels, size in zip(CHANNELS, SIZES, strict=True)]


def with_our_fpn(ours, theirs, coarsest):
    """mmdet's FPN with our weights; ``coarsest`` is its convolution at 1/32."""
    for number in range(3):
        theirs.lateral_convs[number].load_state_dict(ours.fusions[number].lateral.state_dict())
        theirs.output_convs[number].load_state_dict(ours.outputs[number].state_dict())
    coarsest.load_state_dict(ours.outputs[3].state_dict())
    theirs.mask_feature.load_state_dict(ours.mask_features.state_dict())


def test_without_encoder_the_backbones_features_are_read():
    torch.manual_seed(0)
    ours = MaskFormerFPN(CHANNELS, DIMS)
    theirs = PixelDecoder(CHANNELS, DIMS, DIMS)
    with_our_fpn(ours, theirs, theirs.last_feat_conv)
    maps = features()
    mask_features, read = theirs(maps, [])
    pyramid, our_mask_features = ours(maps)
    torch.testing.assert_close(our_mask_features, mask_features)
    assert torch.equal(pyramid[0], ours.projection(read))


def test_with_encoder_its_output_is_read():
    torch.manual_seed(0)
    ours = MaskFormerEncoderFPN(CHANNELS, DIMS, num_layers=2, num_heads=HEADS, feedforward_dims=48).eval()
    attention = {"embed_dims": DIMS, "num_heads": HEADS, "dropout": 0.1, "batch_first": True}
    network = {"embed_dims": DIMS, "feedforward_channels": 48, "ffn_drop": 0.1}
    theirs = TransformerEncoderPixelDecoder(
        CHANNELS,
        DIMS,
        DIMS,
        encoder={"num_layers": 2, "layer_cfg": {"self_attn_cfg": attention, "ffn_cfg": network}},
        positional_encoding={"num_feats": DIMS // 2, "normalize": True},
    ).eval()
    with_our_fpn(ours, theirs, theirs.encoder_out_proj)
    theirs.encoder_in_proj.load_state_dict(ours.projection.state_dict())
    for our_layer, layer in zip(ours.layers, theirs.encoder.layers, strict=True):
        packed = [our_layer.attention.query, our_layer.attention.key, our_layer.attention.value]
        layer.self_attn.attn.in_proj_weight.data = torch.cat([linear.weight for linear in packed])
        layer.self_attn.attn.in_proj_bias.data = torch.cat([linear.bias for linear in packed])
        layer.self_attn.attn.out_proj.load_state_dict(our_layer.attention.output.state_dict())
        layer.ffn.layers[0][0].load_state_dict(our_layer.feedforward[0].state_dict())
        layer.ffn.layers[1].load_state_dict(our_layer.feedforward[3].state_dict())
        for our_norm, norm in zip(our_layer.norms, layer.norms, strict=True):
            norm.load_state_dict(our_norm.state_dict())
    maps = features()
    meta = {"batch_input_shape": (104, 136), "img_shape": (104, 136)}
    mask_features, read = theirs(maps, [meta, meta])
    pyramid, our_mask_features = ours(maps)
    torch.testing.assert_close(our_mask_features, mask_features, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(pyramid[0], read, rtol=1e-4, atol=1e-5)


def test_mask2formers_decoder_reads_another_map_of_the_same_network():
    torch.manual_seed(0)
    options = {"num_layers": 1, "num_heads": HEADS, "feedforward_dims": 48}
    ours = MaskFormerEncoderFPN(CHANNELS, DIMS, **options).eval()
    other = TransformerEncoderFPN(CHANNELS, DIMS, **options).eval()
    other.load_state_dict(ours.state_dict())
    maps = features()
    pyramid, mask_features = ours(maps)
    other_pyramid, other_mask_features = other(maps)
    assert torch.equal(mask_features, other_mask_features)
    assert torch.equal(other_pyramid[0], ours.outputs[-1](pyramid[0]))
    assert all(map(torch.equal, pyramid[1:], other_pyramid[1:]))


def test_its_encoder_drops_as_its_decoder_does():
    encoder = MaskFormerEncoderFPN(CHANNELS, DIMS, num_heads=HEADS)
    assert len(encoder.layers) == 6
    for layer in encoder.layers:
        rates = {module.p for module in layer.modules() if isinstance(module, torch.nn.Dropout)}
        assert rates | {layer.attention.dropout} == {0.1}


@pytest.mark.parametrize("build", [MaskFormerFPN, MaskFormerEncoderFPN])
def test_the_projection_has_the_references_size(build):
    """2048 to 256 channels and a bias: the half million parameters by which Table V's R50 exceeds an FPN's."""
    projection = build([256, 512, 1024, 2048]).projection
    assert sum(parameter.numel() for parameter in projection.parameters()) == 2048 * 256 + 256
