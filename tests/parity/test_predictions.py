"""Every layer's class and mask logits against mmdet and transformers, from the same random weights in float32."""

import torch

TOLERANCE = 1e-5  # of a layer's largest logit


def test_every_layers_predictions(implementation, images, agree, way, library, backbone):
    with torch.no_grad():
        ours = implementation(way, backbone).decode(images)
        theirs = implementation(library, backbone).decode(images)
    for own, other in zip(ours, theirs, strict=True):
        for layer, other_layer in zip(own, other, strict=True):
            agree(layer, other_layer, TOLERANCE)


def test_transformers_takes_no_notice_of_padding(implementation, images_of):
    """As the reference: neither decoder is told where the padding is (mask2former_transformer_decoder.py:370)."""
    images = images_of([(96, 160), (70, 110)])
    inside = torch.ones(2, 96, 160)
    inside[1, 70:], inside[1, :, 110:] = 0, 0
    segmenter = implementation("transformers").segmenter
    with torch.no_grad():
        told, untold = segmenter(images, pixel_mask=inside), segmenter(images)
    assert torch.equal(told.masks_queries_logits, untold.masks_queries_logits)
    assert torch.equal(told.class_queries_logits, untold.class_queries_logits)
