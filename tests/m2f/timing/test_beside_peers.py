from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from m2f.errors import InputError
from m2f.timing import beside_peers
from m2f.timing.beside_peers import check, compare, device_precisions
from m2f.timing.peak_memory import PeakMemory

TINY = Path(__file__).parents[1] / "peers" / "tiny_config.py"
CPU = torch.device("cpu")


@pytest.fixture
def tiny(monkeypatch):
    monkeypatch.setattr(beside_peers, "main_device", lambda: CPU)
    monkeypatch.setattr(beside_peers, "gemm_peak", lambda precision, device: 1e9)
    monkeypatch.setattr(beside_peers, "flops", lambda config, images: 5e6 * sum(images.padded.values()))
    monkeypatch.setattr(beside_peers, "training_flops", lambda config, size, targets: 1e6 * targets)
    monkeypatch.setattr(beside_peers, "device_precisions", lambda device: ["float32", "bfloat16"])
    return Config.fromfile(TINY).model.to_dict()


def test_every_work_of_every_library_is_measured(tiny, monkeypatch):
    asked = []

    def peak_memory(request):
        asked.append((request.library, request.precision, request.work, request.size, request.batch))
        return PeakMemory(work=100 if request.library == "m2f" else 300, total=1000)

    monkeypatch.setattr(beside_peers, "peak_memory", peak_memory)
    results = list(compare(tiny, [64], [2], ["float32", "bfloat16"], repeats=1))
    assert [(one.work, one.precision, one.peer) for one in results] == [
        (work, precision, peer)
        for work in ("train", "predict")
        for precision in ("float32", "bfloat16")
        for peer in ("mmdet", "transformers")
    ]
    assert asked == [
        (library, precision, work, 64, 2)
        for work in ("train", "predict")
        for library, precision in (
            *(("m2f", "float32"), ("m2f", "bfloat16")),
            *(("mmdet", "float32"), ("transformers", "float32")),
        )
    ]
    for one in results:
        assert (one.size, one.batch, one.their_precision) == (64, 2, "float32")
        assert one.ratio == one.theirs / one.ours
        assert one.memory_ratio == 3
        counted = 2 * {"train": 12e6, "predict": 5e6}[one.work]
        assert one.gemm_share == pytest.approx(counted / one.ours / 1e9)
        changed = one.difference
        assert (changed is not None) == (one.work == "predict" and one.precision == "bfloat16")
        if changed:
            assert 0 < changed.probability_mean < changed.probability_max < 1
            assert max(changed.mask_pixels, changed.semantic_pixels, changed.panoptic_pixels) < 0.2
    (per_peer,) = {(one.ours, one.our_memory) for one in results[:2]}
    assert per_peer[0] > 0


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
