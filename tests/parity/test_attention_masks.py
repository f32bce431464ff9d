"""Where each query of each layer may look: what our cross-attentions get against what mmdet's and transformers' get."""

import pytest
import torch

SURE = 1e-5  # no logit of these images is so near to zero that rounding could decide


@pytest.fixture
def hooked():
    """Lists that fill with the arguments of modules' calls; the hooks go with the test."""
    hooks = []

    def hook(modules):
        calls = []

        def record(module, positional, named):
            calls.append((positional, named))

        hooks.extend(module.register_forward_pre_hook(record, with_kwargs=True) for module in modules)
        return calls

    yield hook
    for one in hooks:
        one.remove()


def attentions(library, peer):
    """The multi-head attentions that read the image, layer by layer."""
    if library == "mmdet":
        return [layer.cross_attn.attn for layer in peer.detector.panoptic_head.transformer_decoder.layers]
    return [layer.cross_attn for layer in peer.segmenter.model.transformer_module.decoder.layers]


def test_attention_masks_of_every_layer(implementation, images, hooked, way, library, backbone):
    own, peer = implementation(way, backbone), implementation(library, backbone)
    modules = [layer.cross_attention for layer in own.model.transformer_decoder.layers]
    steered, read = hooked(modules), hooked([module.attention for module in modules])
    theirs = hooked(attentions(library, peer))
    with torch.no_grad():
        own.decode(images)
        peer.decode(images)
    assert len(steered) == len(read) == len(theirs) == len(modules)
    for (steering, _), (ours, _), (_, named) in zip(steered, read, theirs, strict=True):
        logits, allowed = steering[3], ours[3][:, 0]  # [B, Q, N]
        assert logits.abs().min() > SURE
        blocked = named["attn_mask"].unflatten(0, (len(images), -1))  # [B, heads, Q, N]
        assert torch.equal(blocked, ~allowed[:, None].expand_as(blocked))


def test_the_masks_are_of_every_kind(implementation, images_of, hooked, way):
    """Some queries see a part of the image, and some with an empty mask see all of it."""
    own = implementation(way)
    modules = [layer.cross_attention for layer in own.model.transformer_decoder.layers]
    steered, read = hooked(modules), hooked([module.attention for module in modules])
    with torch.no_grad():
        own.decode(images_of([(96, 160), (70, 110)]))
    empty = [(steering[3] < 0).all(dim=2) for steering, _ in steered]
    seen = [arguments[3][:, 0].float().mean(dim=2) for arguments, _ in read]
    assert sum(int(rows.sum()) for rows in empty) > 0
    assert all((share[rows] == 1).all() for share, rows in zip(seen, empty, strict=True))
    assert all(((share > 0) & (share < 1)).float().mean() > 0.5 for share in seen)
