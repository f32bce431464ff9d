"""How long trainings take on GPUs that were not measured: counted FLOPs, and an assumption of how fast they are done.

The assumption: the reference's R50 takes "around 3 days on 8 V100 GPUs for 50 epochs", says its author
(https://github.com/facebookresearch/Mask2Former/issues/9). m2f is taken to do as many FLOPs a second on a V100, and
another GPU to be faster by at least its ratio of memory bandwidth and at most its ratio of peak in 16 bits. All of it
in mixed precision. Evaluation is not counted.
"""

from dataclasses import dataclass

REFERENCE_STEP = 781.9e9  # multiply-accumulates an image: training_flops of reports/reference/costs.csv
REFERENCE_IMAGES = 368_750 * 16
REFERENCE_HOURS = 3 * 24 * 8  # of one GPU
PER_MULTIPLY = 2  # FLOPs of a multiply-accumulate


@dataclass(frozen=True)
class Gpu:
    """A GPU, as its vendor states it.

    Attributes:
        bandwidth: of its memory, 10^9 bytes a second.
        peak: 10^12 FLOPs a second in matrix products of 16 bits, not sparse.
    """

    bandwidth: float
    peak: float


GPUS = {"V100": Gpu(900, 125), "A100 80 GB": Gpu(2039, 312), "H100 SXM": Gpu(3350, 989)}
MEASURED = GPUS["V100"]


def assumed_speed() -> float:
    """FLOPs a second that a V100 is taken to do."""
    return PER_MULTIPLY * REFERENCE_STEP * REFERENCE_IMAGES / (REFERENCE_HOURS * 3600)


def speed_ratios(gpu: Gpu) -> tuple[float, float]:
    """How many times as fast as a V100, at least and at most."""
    ratios = sorted((gpu.bandwidth / MEASURED.bandwidth, gpu.peak / MEASURED.peak))
    return ratios[0], ratios[1]


def hours_on(gpu: Gpu, flops: float) -> tuple[float, float]:
    """Hours of one such GPU that so many FLOPs take, at least and at most."""
    slowest, fastest = speed_ratios(gpu)
    hours = flops / assumed_speed() / 3600
    return hours / fastest, hours / slowest
