"""What makes transformers' model faster gives the same numbers, and is left out where it cannot be had."""

import sys

import pytest
import torch
from torch import nn

from m2f.errors import InputError
from m2f.peers import compiled_peer, openvino_peer, own_peer, transformers_peer
from m2f.timing.inputs import build_ours

CPU = torch.device("cpu")
SMALL, WIDE = (1, 3, 64, 64), (2, 3, 64, 96)


@pytest.fixture
def small(tiny):
    """One layer of each kind: to convert a model takes time for each of its operations."""
    return {
        **tiny,
        "backbone": {**tiny["backbone"], "depth": 18},
        "pixel_decoder": {**tiny["pixel_decoder"], "in_channels": [8, 16, 32, 64]},
        "transformer_decoder": {**tiny["transformer_decoder"], "num_layers": 1},
    }


@pytest.fixture
def ours(small):
    return build_ours(small, CPU).eval()


@pytest.fixture
def resets(monkeypatch):
    """Every time when all compiled programs are forgotten."""
    calls = []
    monkeypatch.setattr(torch.compiler, "reset", lambda: calls.append(1))
    return calls


@pytest.fixture
def compiled(monkeypatch):
    """The options of every compilation, of which there is none: inductor takes a minute for this model."""
    options = []
    monkeypatch.setattr(nn.Module, "compile", lambda module, **given: options.append((type(module).__name__, given)))
    monkeypatch.setenv("CXX", sys.executable)  # a program that is there
    return options


def test_transformers_model_is_compiled_with_its_loss_for_one_size_at_a_time(small, ours, compiled, resets):
    peer = compiled_peer(small, ours).eval()
    assert compiled == [("Mask2FormerForUniversalSegmentation", {"dynamic": False})]
    images = torch.randn(SMALL)
    with torch.no_grad():
        peer.predict(images, [(64, 64)])
        classes, masks = peer.last_layer(images)
        expected = own_peer(ours).last_layer(images)
    torch.testing.assert_close(classes, expected[0], rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(masks, expected[1], rtol=1e-3, atol=1e-3)
    assert len(resets) == 1
    wide = torch.randn(WIDE)
    labels, targets = [torch.tensor([1])] * 2, [torch.rand(1, 64, 96) > 0.5] * 2
    assert peer.train().loss(wide, labels, targets).requires_grad
    assert len(resets) == 2


def test_without_a_compiler_nothing_is_compiled(small, ours, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(InputError, match="there is no no-such-compiler; install it or name one in CXX"):
        compiled_peer(small, ours)


def test_openvinos_numbers_are_transformers_for_every_size_and_in_the_precision_of_the_context(small, ours):
    pytest.importorskip("openvino")
    peer, expected = openvino_peer(small, ours).eval(), transformers_peer(small, ours).eval()
    for shape in (SMALL, WIDE):
        images = torch.randn(shape)
        with torch.no_grad():
            exact = peer.last_layer(images)
            for given, wanted in zip(exact, expected.last_layer(images), strict=True):
                torch.testing.assert_close(given, wanted, rtol=1e-3, atol=1e-3)
            (answer, *_), (wanted, *_) = (each.predict(images, [(48, 80)] * len(images)) for each in (peer, expected))
        assert (answer["semantic"] != wanted["semantic"]).float().mean() < 1e-3
        assert list(answer) == list(wanted)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        rounded = peer.last_layer(images)
    hints = {key: str(program.get_property("INFERENCE_PRECISION_HINT")) for key, program in peer.programs.items()}
    assert "float32" in hints[False]
    if "BF16" in peer.core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        assert "bfloat16" in hints[True]
        assert not torch.equal(exact[0], rounded[0])
    threads = {program.get_property("INFERENCE_NUM_THREADS") for program in peer.programs.values()}
    assert threads == {torch.get_num_threads()}


def test_openvino_may_be_missing_and_has_no_gpu(small, ours, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(InputError, match=r"pip install 'm2f\[bench\]'"):
        openvino_peer(small, ours)
    monkeypatch.setitem(sys.modules, "openvino", pytest)  # anything
    with pytest.raises(InputError, match="leave the peer openvino out"):
        openvino_peer(small, ours.to("meta"))
