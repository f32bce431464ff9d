"""Both libraries' models against ours, from the same weights."""

import sys
from types import SimpleNamespace

import pytest
import torch

from m2f.errors import InputError
from m2f.peers import LIBRARIES, mmdet_peer, own_peer, transformers_peer
from m2f.registry import MODELS
from m2f.timing.inputs import build_ours, random_inputs

CPU = torch.device("cpu")


def build(config):
    torch.manual_seed(0)
    model = MODELS.build(config)
    for parameter in model.transformer_decoder.parameters():  # nothing at its initial zero, so that all weights count
        if parameter.ndim == 1:
            torch.nn.init.normal_(parameter, mean=0.5, std=0.2)
    return model


@pytest.mark.parametrize("name", LIBRARIES)
@pytest.mark.parametrize("backbone", ["tiny", "tiny_swin"])
def test_every_layers_predictions_are_ours(name, backbone, request):
    config = request.getfixturevalue(backbone)
    ours = build(config)
    peer = LIBRARIES[name](config, ours).eval()
    images = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        expected = own_peer(ours).eval().decode(images)
        classes, masks = peer.decode(images)
    assert classes.shape == (5, 2, 20, 6)
    assert masks.shape == (5, 2, 20, 16, 24)
    torch.testing.assert_close(classes, expected[0], rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(masks, expected[1], rtol=1e-3, atol=1e-4 * float(expected[1].abs().max()))


@pytest.mark.parametrize("name", ["m2f", *LIBRARIES])
def test_a_prediction_starts_from_the_last_layer(name, tiny):
    ours = build(tiny)
    peer = own_peer(ours) if name == "m2f" else LIBRARIES[name](tiny, ours)
    images = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        layers = peer.eval().decode(images)
        for given, all_layers in zip(peer.last_layer(images), layers, strict=True):
            torch.testing.assert_close(given, all_layers[-1])


@pytest.mark.parametrize("name", LIBRARIES)
def test_the_loss_is_ours_but_for_the_points_that_are_drawn(name, tiny):
    config = {**tiny, "criterion": {**tiny["criterion"], "num_points": 4000}}
    ours = build(config)
    inputs = random_inputs((64, 64), 2, 5, CPU)
    expected = own_peer(ours).train().loss(inputs.images, inputs.labels, inputs.masks)
    loss = LIBRARIES[name](config, ours).train().loss(inputs.images, inputs.labels, inputs.masks)
    assert loss.shape == ()
    assert loss.item() == pytest.approx(expected.item(), rel=0.01)


@pytest.mark.parametrize("name", LIBRARIES)
def test_weights_of_the_loss_are_ours(name, tiny):
    """Without mask losses the loss is exact: it is of classes alone, and all queries match the same way."""
    weights = {"class_weight": 3.0, "entropy_weight": 0.0, "dice_weight": 0.0, "no_object_weight": 0.4}
    config = {**tiny, "criterion": {**tiny["criterion"], **weights}}
    ours = build(config)
    inputs = random_inputs((64, 64), 1, 5, CPU)
    expected = own_peer(ours).train().loss(inputs.images, inputs.labels, inputs.masks)
    loss = LIBRARIES[name](config, ours).train().loss(inputs.images, inputs.labels, inputs.masks)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-4)


@pytest.mark.parametrize("name", LIBRARIES)
def test_the_same_weights_learn(name, tiny):
    ours = build(tiny)
    peer = LIBRARIES[name](tiny, ours).train()
    inputs = random_inputs((64, 64), 1, 5, CPU)
    statistics = {key: value.clone() for key, value in peer.named_buffers() if "running" in key}
    peer.loss(inputs.images, inputs.labels, inputs.masks).backward()
    own_peer(ours).train().loss(inputs.images, inputs.labels, inputs.masks).backward()
    counts = [
        sum(parameter.numel() for parameter in model.parameters() if parameter.grad is not None)
        for model in (peer, ours)
    ]
    assert counts[0] == counts[1]
    assert statistics
    assert all(torch.equal(value, statistics[key]) for key, value in peer.named_buffers() if key in statistics)


def test_what_each_library_answers(tiny):
    ours = build(tiny)
    images, sizes = torch.randn(2, 3, 64, 64), [(48, 80), (64, 64)]
    answers = {}
    for name, peer in {"m2f": own_peer(ours), "mmdet": mmdet_peer(tiny, ours)}.items():
        with torch.no_grad():
            answers[name] = peer.eval().predict(images, sizes)
    assert [list(answer) for answer in answers["m2f"]] == [["panoptic", "instance", "semantic"]] * 2
    assert [list(answer) for answer in answers["mmdet"]] == [["panoptic", "instance"]] * 2
    for one, other in zip(*answers.values(), strict=True):
        scores = [answer["instance"].scores.sort().values for answer in (one, other)]
        torch.testing.assert_close(*scores, rtol=1e-3, atol=1e-4)
        assert one["instance"].masks.shape == other["instance"].masks.shape


def test_what_transformers_answers(tiny):
    ours = build_ours(tiny, CPU)
    peer = transformers_peer({**tiny, "panoptic": {"score": 0.0, "overlap": 0.0}}, ours).eval()
    with torch.no_grad():
        answers = peer.predict(torch.randn(2, 3, 64, 64), [(48, 80), (64, 64)])
    assert [answer["panoptic"]["segmentation"].shape for answer in answers] == [(48, 80), (64, 64)]
    assert [answer["semantic"].shape for answer in answers] == [(48, 80), (64, 64)]
    assert answers[0]["panoptic"]["segments_info"]
    assert "segments_info" in answers[0]["instance"]


@pytest.mark.parametrize("name", ["m2f", *LIBRARIES])
def test_an_instance_model_answers_with_instances_alone(name, tiny):
    config = {**tiny, "task": "instance", "num_stuff": 0}
    ours = build(config)
    peer = own_peer(ours) if name == "m2f" else LIBRARIES[name](config, ours)
    with torch.no_grad():
        (answer,) = peer.eval().predict(torch.randn(1, 3, 64, 64), [(64, 64)])
    assert list(answer) == ["instance"]


def test_other_designs_are_refused(tiny):
    decoder = {**tiny["transformer_decoder"], "cross_attention": {"type": "m2f.CrossAttention"}}
    other = {**tiny, "transformer_decoder": decoder}
    for build_peer in LIBRARIES.values():
        with pytest.raises(InputError, match=r"model\.transformer_decoder\.cross_attention\.type must be Masked"):
            build_peer(other, MODELS.build(other))


def test_what_mmdet_cannot_is_refused(tiny):
    semantic = {**tiny, "task": "semantic"}
    with pytest.raises(InputError, match="mmdet has no semantic post-processing"):
        mmdet_peer(semantic, MODELS.build(semantic))


def test_on_a_gpu_mmdet_needs_compiled_ops(tiny, monkeypatch):
    """Its deformable attention calls mmcv's there, and the stand-in would end all that is measured beside it."""
    monkeypatch.setattr(sys.modules["m2f.peers.mmdet_peer"], "compiled_ops_available", lambda: False)
    on_a_gpu = SimpleNamespace(parameters=lambda: iter([SimpleNamespace(device=torch.device("cuda"))]))
    with pytest.raises(InputError, match="mmdet on a GPU needs mmcv's compiled ops; `m2f doctor` says how"):
        mmdet_peer(tiny, on_a_gpu)


def test_what_transformers_cannot_is_refused(tiny):
    fewer = {**tiny, "pixel_decoder": {**tiny["pixel_decoder"], "num_points": 2}}
    with pytest.raises(InputError, match=r"model\.pixel_decoder\.num_points must be 4"):
        transformers_peer(fewer, MODELS.build(fewer))


def test_transformers_may_be_missing(tiny, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(InputError, match=r"pip install 'm2f\[bench\]'"):
        transformers_peer(tiny, MODELS.build(tiny))
