"""How fast our model is beside mmdet's and transformers', with the same weights on the same images.

Three works are timed. ``train``: forward pass, matching, loss and backward pass, without data and optimizer.
``predict``: forward pass and the library's own post-processing at the images' size. ``forward``: what a prediction
starts from, class and mask logits alone. What a panoptic model answers differs: ours a panoptic, an instance and a
semantic segmentation, mmdet's a panoptic and an instance segmentation, transformers' all three by three calls that look
at masks of 384 x 384 pixels. An instance model answers with instances alone in all. In a prediction ours makes the
masks that are used, the peers those of all layers.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from statistics import median
from typing import Any

import torch

from m2f.cost.flops import flops
from m2f.cost.images import Images
from m2f.cost.training_flops import training_flops
from m2f.engine.precision import set_precision
from m2f.errors import InputError
from m2f.models import Mask2Former
from m2f.peers import PEERS, Peer, own_peer
from m2f.timing.gemm_peak import gemm_peak
from m2f.timing.inputs import OBJECTS, Inputs, build_ours, random_inputs
from m2f.timing.machine import environment
from m2f.timing.peak_memory import PeakMemory, Request, peak_memory
from m2f.timing.precision import Difference, difference
from m2f.timing.settled import Ratio, until_settled
from m2f.timing.works import OURS, PRECISIONS, WORKS, main_device, work_of

STRIDE = 32
NATIVE_BFLOAT16 = ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16")  # names in torch.cpu.get_capabilities()


@dataclass(frozen=True)
class Measurement:
    """One work of one library, beside ours in the same precision.

    Attributes:
        work: one of ``WORKS``.
        precision: one of ``PRECISIONS``.
        size: pixels of an image's side.
        batch: images.
        library: ``m2f`` or one of ``m2f.peers.PEERS``.
        seconds: median of the rounds.
        warm_up: seconds of the first run, which does not count; a peer that compiles does so then.
        rounds: how many were counted.
        ratio: how many times as long it takes as ours.
        multiply_accumulates: of the library's own order of operations, as :mod:`m2f.cost.flops` counts them.
        gemm_peak: multiply-accumulates a second of the best matrix product in this precision.
        memory: None where it was not measured, as of a peer that compiles.
        memory_ratio: how many times as much it adds at its peak as ours.
        difference: of our predictions from those in float32; None in float32, in other works and of peers.
        environment: see :func:`m2f.timing.machine.environment`.
    """

    work: str
    precision: str
    size: int
    batch: int
    library: str
    seconds: float
    warm_up: float
    rounds: int
    ratio: Ratio
    multiply_accumulates: float
    gemm_peak: float
    memory: PeakMemory | None
    memory_ratio: float | None
    difference: Difference | None
    environment: Mapping[str, str | int]

    @property
    def gemm_share(self) -> float:
        """The share of the best matrix product's speed that the work reaches."""
        return self.multiply_accumulates / self.seconds / self.gemm_peak


@dataclass(frozen=True)
class Contest:
    """What stays the same from work to work; see :func:`compare`."""

    model_config: Mapping[str, Any]
    models: Mapping[str, Peer]
    peaks: Mapping[str, float]
    device: torch.device
    rounds: int
    memory: bool

    def measure(self, work: str, inputs: Inputs) -> Iterator[Measurement]:
        """One work of all libraries in all precisions, in turn."""
        able = [name for name, model in self.models.items() if model.trains or work != "train"]
        contestants = [(library, precision) for precision in self.peaks for library in able]
        works = [work_of(self.models[library], work, inputs, precision) for library, precision in contestants]
        baselines = [contestants.index((OURS, precision)) for _, precision in contestants]
        measured = until_settled(works, baselines, self.device, self.rounds)
        size, batch = inputs.images.shape[-1], len(inputs.images)
        held = {who: self._memory(*who, work, size, batch) for who in contestants}
        for place, (library, precision) in enumerate(contestants):
            here, ours = held[library, precision], held[OURS, precision]
            asked = library == OURS and work == "predict" and precision != "float32"
            yield Measurement(
                work=work,
                precision=precision,
                size=size,
                batch=batch,
                library=library,
                seconds=median(measured.of(place)),
                warm_up=measured.warm_up[place],
                rounds=len(measured.counted),
                ratio=measured.ratio(place, baselines[place]),
                multiply_accumulates=batch * multiply_accumulates(self.model_config, work, size, library),
                gemm_peak=self.peaks[precision],
                memory=here,
                memory_ratio=here.work / max(ours.work, 1) if here and ours else None,
                difference=difference(self.models[OURS], inputs, precision) if asked else None,
                environment=environment(self.device),
            )

    def _memory(self, library: str, precision: str, work: str, size: int, batch: int) -> PeakMemory | None:
        if not self.memory or self.models[library].compiles:
            return None
        return peak_memory(Request(self.model_config, library, precision, work, size, batch))


def compare(
    model_config: Mapping[str, Any],
    sizes: Sequence[int],
    batches: Sequence[int],
    precisions: Sequence[str],
    peers: Sequence[str] | None,
    rounds: int,
    memory: bool,
    tell: Callable[[str], object],
) -> Iterator[Measurement]:
    """Measure size by size, batch by batch, work by work; see :mod:`m2f.timing.beside_peers`.

    All libraries do a work in turn, round after round, so that what else the machine does meanwhile falls on all.

    Args:
        model_config: the ``model`` of a config of the paper's default design.
        sizes: pixels of the square images' side, multiples of 32.
        batches: how many images at a time.
        precisions: of ``PRECISIONS``, of all libraries; bfloat16 is autocast, in OpenVINO its own.
        peers: of ``m2f.peers.PEERS``; None for all that can be built here.
        rounds: the most that count, if ratios have not settled before.
        memory: whether to measure the peak of memory too, once each.
        tell: takes a sentence about a peer that is left out.

    Raises:
        InputError: a size is no multiple of 32, the device has not a precision, or a named peer cannot be built.
    """
    set_precision({})
    device = main_device()
    check(sizes, precisions, device)
    ours = build_ours(model_config, device)
    models = {OURS: own_peer(ours), **built_peers(model_config, ours, peers, tell)}
    peaks = {precision: gemm_peak(PRECISIONS[precision], device) for precision in precisions}
    contest = Contest(model_config, models, peaks, device, rounds, memory)
    classes = model_config["num_things"] + model_config["num_stuff"]
    for size, batch in product(sizes, batches):
        inputs = random_inputs((size, size), batch, classes, device)
        for work in WORKS:
            yield from contest.measure(work, inputs)


def built_peers(
    model_config: Mapping[str, Any], ours: Mask2Former, names: Sequence[str] | None, tell: Callable[[str], object]
) -> dict[str, Peer]:
    """The peers that are named, or all that can be built; arguments as for :func:`compare`."""
    built: dict[str, Peer] = {}
    for name in PEERS if names is None else names:
        try:
            built[name] = PEERS[name](model_config, ours)
        except InputError as error:
            if names is not None:
                raise
            tell(f"{name} is left out. {error}")
    return built


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


def multiply_accumulates(model_config: Mapping[str, Any], work: str, size: int, library: str) -> float:
    """What a library computes for one image: ours as it is configured, the others in the reference's order."""
    peer = library != OURS
    if peer:
        decoder = {**model_config["transformer_decoder"], "mask_prediction": "dense"}
        model_config = {**model_config, "transformer_decoder": decoder}
    if work == "train":
        return training_flops(model_config, (size, size), OBJECTS)
    return flops(model_config, Images({(size, size): 1}), every_layer=peer)
