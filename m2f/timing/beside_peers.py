"""How fast our model is beside mmdet's and transformers', with the same weights on the same images.

Two works are timed. ``train``: forward pass, matching, loss and backward pass, without data and optimizer. ``predict``:
forward pass and the library's own post-processing at the images' size. What a panoptic model answers differs: ours a
panoptic, an instance and a semantic segmentation, mmdet's a panoptic and an instance segmentation, transformers' all
three by three calls that look at masks of 384 x 384 pixels. An instance model answers with instances alone in all.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch

from m2f.cost.flops import flops
from m2f.cost.images import Images
from m2f.cost.training_flops import training_flops
from m2f.errors import InputError
from m2f.peers import PEERS, Peer, own_peer
from m2f.timing.gemm_peak import gemm_peak
from m2f.timing.inputs import OBJECTS, build_ours, random_inputs
from m2f.timing.peak_memory import PeakMemory, Request, peak_memory
from m2f.timing.precision import Difference, difference
from m2f.timing.speed import in_turn
from m2f.timing.works import OURS, PRECISIONS, WORKS, main_device, work_of

STRIDE = 32
THEIR_PRECISION = "float32"
NATIVE_BFLOAT16 = ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16")  # names in torch.cpu.get_capabilities()


@dataclass(frozen=True)
class Comparison:
    """One work of ours beside a peer's.

    Attributes:
        work: one of ``WORKS``.
        peer: one of ``m2f.peers.PEERS``.
        size: pixels of an image's side.
        batch: images.
        precision: ours, one of ``PRECISIONS``.
        ours: seconds, median.
        theirs: seconds, median.
        ratio: how many times as long the peer takes.
        their_precision: the peer's.
        gemm_peak: multiply-accumulates a second of the best matrix product in our precision.
        gemm_share: the share of them that our work reaches, counting what :mod:`m2f.cost.flops` counts.
        our_memory: None where memory was not measured.
        their_memory: the peer's.
        memory_ratio: how many times as much the peer's work adds at its peak.
        difference: of our predictions from those in float32; None in float32 and in training.
        environment: ``device``, ``threads`` and the version of ``torch``.
    """

    work: str
    peer: str
    size: int
    batch: int
    precision: str
    ours: float
    theirs: float
    ratio: float
    their_precision: str
    gemm_peak: float
    gemm_share: float
    our_memory: PeakMemory | None
    their_memory: PeakMemory | None
    memory_ratio: float | None
    difference: Difference | None
    environment: Mapping[str, str | int]


def compare(
    model_config: Mapping[str, Any],
    sizes: Sequence[int],
    batches: Sequence[int],
    precisions: Sequence[str],
    peers: Sequence[str] = tuple(PEERS),
    repeats: int = 3,
    memory: bool = True,
) -> Iterator[Comparison]:
    """Measure size by size, batch by batch, work by work; see :mod:`m2f.timing.beside_peers`.

    All libraries do a work in turn, round after round, so that what else the machine does meanwhile falls on all.

    Args:
        model_config: the ``model`` of a config of the paper's default design.
        sizes: pixels of the square images' side, multiples of 32.
        batches: how many images at a time.
        precisions: ours, of ``PRECISIONS``; the peers' is float32.
        peers: of ``m2f.peers.PEERS``.
        repeats: rounds that count.
        memory: whether to measure the peak of memory too, once each.

    Raises:
        InputError: a size is no multiple of 32, the device has not the precision, or a peer cannot be built.
    """
    device = main_device()
    check(sizes, precisions, device)
    ours = build_ours(model_config, device)
    models: dict[str, Peer] = {OURS: own_peer(ours), **{name: PEERS[name](model_config, ours) for name in peers}}
    peaks = {precision: gemm_peak(PRECISIONS[precision], device) for precision in precisions}
    contestants = [(OURS, precision) for precision in precisions] + [(name, THEIR_PRECISION) for name in peers]
    classes = model_config["num_things"] + model_config["num_stuff"]
    for size, batch, work in product(sizes, batches, WORKS):
        inputs = random_inputs((size, size), batch, classes, device)
        works = [work_of(models[library], work, inputs, precision) for library, precision in contestants]
        timings = in_turn(works, device, repeats)
        times = {who: timing.median for who, timing in zip(contestants, timings, strict=True)}
        requests = [Request(model_config, *who, work, size, batch) for who in contestants]
        held = {who: peak_memory(request) for who, request in zip(contestants, requests, strict=True) if memory}
        counted = batch * multiply_accumulates(model_config, work, size)
        changed = {
            precision: difference(models[OURS], inputs, precision)
            for precision in precisions
            if work == "predict" and precision != "float32"
        }
        for precision, peer in product(precisions, peers):
            us, them = (OURS, precision), (peer, THEIR_PRECISION)
            yield Comparison(
                work=work,
                peer=peer,
                size=size,
                batch=batch,
                precision=precision,
                ours=times[us],
                theirs=times[them],
                ratio=times[them] / times[us],
                their_precision=THEIR_PRECISION,
                gemm_peak=peaks[precision],
                gemm_share=counted / times[us] / peaks[precision],
                our_memory=held.get(us),
                their_memory=held.get(them),
                memory_ratio=held[them].work / max(held[us].work, 1) if memory else None,
                difference=changed.get(precision),
                environment=environment(device),
            )


def check(sizes: Sequence[int], precisions: Sequence[str], device: torch.device) -> None:
    """Refuse sizes and precisions that cannot be measured; see :func:`compare`."""
    for size in sizes:
        if size <= 0 or size % STRIDE:
            raise InputError(f"A size must be a multiple of {STRIDE} pixels, such as 512, not {size}.")
    for precision in precisions:
        if precision not in device_precisions(device):
            raise InputError(f"This machine does not itself compute in {precision}; measure in float32.")


def device_precisions(device: torch.device) -> list[str]:
    """Those of ``PRECISIONS`` that the device computes in itself; bfloat16 that is emulated does not count."""
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        native = any(torch.cpu.get_capabilities().get(name) for name in NATIVE_BFLOAT16)
    return list(PRECISIONS) if native else ["float32"]


def multiply_accumulates(model_config: Mapping[str, Any], work: str, size: int) -> float:
    """What our model computes for one image."""
    if work == "train":
        return training_flops(model_config, (size, size), OBJECTS)
    return flops(model_config, Images({(size, size): 1}))


def environment(device: torch.device) -> dict[str, str | int]:
    """What the times depend on besides the code."""
    if device.type == "cuda":
        name = torch.cuda.get_device_name()
    else:
        name = str(torch.cpu.get_capabilities().get("cpu_name", "CPU"))
    return {"device": name, "threads": torch.get_num_threads(), "torch": str(torch.__version__)}
