from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from m2f.errors import InputError
from m2f.peers import Peer
from m2f.timing import beside_peers
from m2f.timing.beside_peers import built_peers, check, compare, device_precisions, multiply_accumulates
from m2f.timing.peak_memory import PeakMemory

TINY = Path(__file__).parents[1] / "peers" / "tiny_config.py"
CPU = torch.device("cpu")


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setattr(beside_peers, "main_device", lambda: CPU)
    monkeypatch.setattr(beside_peers, "gemm_peak", lambda precision, device: 1e9)
    monkeypatch.setattr(beside_peers, "flops", lambda config, images, every_layer: 5e6 + 1e6 * every_layer)
    monkeypatch.setattr(beside_peers, "training_flops", lambda config, size, targets: 1e6 * targets)
    monkeypatch.setattr(beside_peers, "device_precisions", lambda device: ["float32", "bfloat16"])
    return Config.fromfile(TINY).model.to_dict()


class Quick(Peer):
    """A peer that compiles and does not train."""

    trains = False
    compiles = True

    def predict(self, images, sizes):
        return []

    def last_layer(self, images):
        return images, images


def test_every_work_of_every_library_is_measured(tiny, monkeypatch):
    asked = []

    def peak_memory(request):
        asked.append((request.library, request.precision, request.work, request.size, request.batch))
        return PeakMemory(work=100 if request.library == "m2f" else 300, total=1000)

    monkeypatch.setattr(beside_peers, "peak_memory", peak_memory)
    monkeypatch.setitem(beside_peers.PEERS, "openvino", lambda config, ours: Quick())
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)  # as PyTorch begins
    peers, precisions = ["mmdet", "openvino"], ["float32", "bfloat16"]
    results = list(compare(tiny, [64], [2], precisions, peers, rounds=1, memory=True, tell=print))
    assert [(one.work, one.precision, one.library) for one in results] == [
        (work, precision, library)
        for work in ("train", "predict", "forward")
        for precision in precisions
        for library in ("m2f", *peers)
        if (work, library) != ("train", "openvino")
    ]
    assert not torch.backends.cudnn.allow_tf32
    assert asked == [(one.library, one.precision, one.work, 64, 2) for one in results if one.library != "openvino"]
    ours = {(one.work, one.precision): one.seconds for one in results if one.library == "m2f"}
    for one in results:
        assert (one.size, one.batch, one.rounds) == (64, 2, 1)
        assert one.warm_up > 0
        assert one.ratio.median == pytest.approx(one.seconds / ours[one.work, one.precision])
        assert one.memory_ratio == {"m2f": 1, "mmdet": 3, "openvino": None}[one.library]
        counted = 2 * (12e6 if one.work == "train" else 5e6 if one.library == "m2f" else 6e6)
        assert one.gemm_share == pytest.approx(counted / one.seconds / 1e9)
        changed = one.difference
        assert (changed is not None) == ((one.library, one.work, one.precision) == ("m2f", "predict", "bfloat16"))
        if changed:
            assert 0 < changed.probability_mean < changed.probability_max < 1
            assert max(changed.mask_pixels, changed.semantic_pixels, changed.panoptic_pixels) < 0.2


def test_a_peer_that_cannot_be_built_is_left_out_unless_it_is_named(monkeypatch):
    def absent(config, ours):
        raise InputError("It is not installed.")

    monkeypatch.setattr(beside_peers, "PEERS", {"here": lambda config, ours: Quick(), "absent": absent})
    told = []
    assert list(built_peers({}, None, None, told.append)) == ["here"]
    assert told == ["absent is left out. It is not installed."]
    with pytest.raises(InputError, match="not installed"):
        built_peers({}, None, ["absent"], told.append)


def test_peers_are_counted_in_the_references_order(tiny, monkeypatch):
    monkeypatch.undo()
    ours, theirs = (multiply_accumulates(tiny, "forward", 64, library) for library in ("m2f", "mmdet"))
    assert ours < theirs < 2 * ours
    assert multiply_accumulates(tiny, "train", 64, "mmdet") > 2 * theirs


def test_sizes_and_precisions_that_cannot_be_measured(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": False})
    assert device_precisions(CPU) == ["float32"]
    with pytest.raises(InputError, match="multiple of 32 pixels, such as 512, not 500"):
        check([512, 500], ["float32"], CPU)
    with pytest.raises(InputError, match="does not itself compute in bfloat16"):
        check([512], ["float32", "bfloat16"], CPU)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    assert device_precisions(CPU) == ["float32", "bfloat16"]
    check([512], ["float32", "bfloat16"], CPU)
