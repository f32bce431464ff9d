"""The pixel decoder and the transformer decoder against mmdet's Mask2Former, from the same random weights."""

import pytest
import torch
from mmdet.models.dense_heads import Mask2FormerHead
from mmengine.config import ConfigDict
from mmengine.registry import init_default_scope

from m2f.models.mask_prediction import dense_logits
from m2f.models.pixel_decoders import MSDeformAttn
from m2f.models.transformer_decoder import MaskedAttentionDecoder

CHANNELS, DIMS, HEADS, QUERIES, CLASSES = [8, 12, 16, 20], 32, 4, 6, 5


def mmdet_head():
    init_default_scope("mmdet")
    attention = {"embed_dims": DIMS, "num_heads": HEADS, "batch_first": True, "dropout": 0.0}
    position = {"num_feats": DIMS // 2, "normalize": True}
    sampled = {**attention, "num_levels": 3, "num_points": 4}
    head = Mask2FormerHead(
        in_channels=CHANNELS,
        feat_channels=DIMS,
        out_channels=DIMS,
        num_things_classes=CLASSES,
        num_stuff_classes=0,
        num_queries=QUERIES,
        num_transformer_feat_level=3,
        pixel_decoder=ConfigDict(
            type="MSDeformAttnPixelDecoder",
            num_outs=3,
            norm_cfg={"type": "GN", "num_groups": 8},
            act_cfg={"type": "ReLU"},
            encoder={
                "num_layers": 2,
                "layer_cfg": {
                    "self_attn_cfg": sampled,
                    "ffn_cfg": {"embed_dims": DIMS, "feedforward_channels": 48, "num_fcs": 2, "ffn_drop": 0.0},
                },
            },
            positional_encoding=position,
        ),
        enforce_decoder_input_project=False,
        positional_encoding=position,
        transformer_decoder=ConfigDict(
            num_layers=4,
            return_intermediate=True,
            layer_cfg={
                "self_attn_cfg": attention,
                "cross_attn_cfg": attention,
                "ffn_cfg": {"embed_dims": DIMS, "feedforward_channels": 40, "num_fcs": 2, "ffn_drop": 0.0},
            },
            init_cfg=None,
        ),
        loss_cls=ConfigDict(type="CrossEntropyLoss", class_weight=[1.0] * (CLASSES + 1)),
    )
    for parameter in head.parameters():  # nothing at its initial zero, so that every weight counts
        torch.nn.init.normal_(parameter, std=0.2)
    return head.eval()


def copy(ours, theirs):
    ours.load_state_dict(theirs.state_dict())


def copy_attention(ours, theirs):
    """torch's packed projections to separate ones."""
    parts = zip(
        (ours.query, ours.key, ours.value), theirs.in_proj_weight.chunk(3), theirs.in_proj_bias.chunk(3), strict=True
    )
    for projection, weight, bias in parts:
        projection.weight.data.copy_(weight)
        projection.bias.data.copy_(bias)
    copy(ours.output, theirs.out_proj)


def copy_feedforward(ours, theirs):
    copy(ours[0], theirs.layers[0][0])
    copy(ours[3], theirs.layers[1])


def our_pixel_decoder(theirs):
    ours = MSDeformAttn(CHANNELS, DIMS, num_layers=2, num_heads=HEADS, feedforward_dims=48, norm_groups=8)
    for projection, other in zip(ours.projections, theirs.input_convs, strict=True):
        copy(projection[0], other.conv)
        copy(projection[1], other.gn)
    ours.level_embedding.data.copy_(theirs.level_encoding.weight)
    for layer, other in zip(ours.layers, theirs.encoder.layers, strict=True):
        copy(layer.attention.offsets, other.self_attn.sampling_offsets)
        copy(layer.attention.weights, other.self_attn.attention_weights)
        copy(layer.attention.value, other.self_attn.value_proj)
        copy(layer.attention.output, other.self_attn.output_proj)
        copy_feedforward(layer.feedforward, other.ffn)
        copy(layer.norms[0], other.norms[0])
        copy(layer.norms[1], other.norms[1])
    copy(ours.lateral, theirs.lateral_convs[0])
    copy(ours.output, theirs.output_convs[0])
    copy(ours.mask_features, theirs.mask_feature)
    return ours


def our_decoder(theirs):
    ours = MaskedAttentionDecoder(
        CLASSES,
        {"type": "m2f.MaskedAttention"},
        {"type": "m2f.LearnableQueries", "num_queries": QUERIES},
        embed_dims=DIMS,
        num_heads=HEADS,
        feedforward_dims=40,
        num_layers=4,
    )
    copy(ours.queries.features, theirs.query_feat)
    copy(ours.queries.positions, theirs.query_embed)
    copy(ours.level_embedding, theirs.level_embed)
    for layer, other in zip(ours.layers, theirs.transformer_decoder.layers, strict=True):
        copy_attention(layer.cross_attention.attention, other.cross_attn.attn)
        copy_attention(layer.self_attention, other.self_attn.attn)
        copy_feedforward(layer.feedforward, other.ffn)
        for norm, its in zip(layer.norms, other.norms, strict=True):
            copy(norm, its)
    copy(ours.norm, theirs.transformer_decoder.post_norm)
    copy(ours.classifier, theirs.cls_embed)
    copy(ours.mask_embedding, theirs.mask_embed)
    return ours


@pytest.mark.parametrize("size", [(64, 64), (96, 160)])
def test_every_layers_predictions_are_mmdets(size):
    torch.manual_seed(0)
    theirs = mmdet_head()
    pixel_decoder, decoder = our_pixel_decoder(theirs.pixel_decoder), our_decoder(theirs)
    features = [
        torch.randn(2, channels, size[0] // stride, size[1] // stride)
        for channels, stride in zip(CHANNELS, (4, 8, 16, 32), strict=True)
    ]
    with torch.no_grad():
        classes, masks = theirs(features, [None, None])
        output = decoder(*pixel_decoder(features), all_layers=True)
    for layer in range(5):
        ours = dense_logits(output.masks.embeddings[layer], output.masks.features)
        torch.testing.assert_close(output.class_logits[layer], classes[layer], rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(ours, masks[layer], rtol=1e-4, atol=1e-4 * float(masks[layer].abs().max()))
