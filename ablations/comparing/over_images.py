"""How far a difference between trained models hangs on the images that they were evaluated on: a paired bootstrap.

Seeds tell whether a design differs; images tell whether these trained models do. Both models answer the same images, so
images are drawn again, with repetition, for both at once, and the metric is computed anew of each draw. That takes what
each image gives to a metric's sums (``m2f.engine.kept``): PQ and mIoU are quotients of sums by class. AP ranks the
predictions of all images together, so no image has a share of its own, and it has no such interval.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ablations.comparing.statistics import CONFIDENCE

DRAWS = 1000
Parts = NDArray[np.floating]


def quality(sums: Parts) -> Parts:
    """The metric in percent ``[...]`` from its parts' sums ``[..., parts, K]``, the mean over classes that occur.

    Of mIoU these are intersections and unions. Of PQ they are the sum of matched pairs' IoUs, and the numbers of
    matched, wrong and missed segments. NaN where no class occurs.
    """
    if sums.shape[-2] == 2:
        upper, lower = sums[..., 0, :], sums[..., 1, :]
    else:
        upper, lower = sums[..., 0, :], sums[..., 1, :] + sums[..., 2:, :].sum(axis=-2) / 2
    occurs = lower > 0
    number = occurs.sum(axis=-1)
    total = np.divide(upper, lower, out=np.zeros(lower.shape), where=occurs).sum(axis=-1)
    return np.divide(100 * total, number, out=np.full(number.shape, np.nan), where=number > 0)


def image_interval(
    rows: Mapping[int, Parts | None], baselines: Mapping[int, Parts | None], confidence: float = CONFIDENCE
) -> tuple[float, float] | None:
    """The interval over images of the mean paired difference of these trained models, and of no others.

    Args:
        rows: parts of the row's runs ``[I, parts, K]`` by seed, of the same images in the same order; None of a run
            that keeps none.
        baselines: likewise of the baseline's.
        confidence: of the percentile interval.

    Returns:
        None without a common seed, if a run keeps no parts, or if the runs were not evaluated on the same number of
        images of as many classes.
    """
    pairs = [(rows[seed], baselines[seed]) for seed in sorted(rows.keys() & baselines.keys())]
    known = [(row, baseline) for row, baseline in pairs if row is not None and baseline is not None]
    shapes = {side.shape for pair in known for side in pair}
    if len(known) < len(pairs) or len(shapes) != 1:
        return None
    ((images, parts, classes),) = shapes
    draws = np.random.default_rng(0).multinomial(images, np.full(images, 1 / images), DRAWS).astype(float)
    mean = np.mean([np.subtract(*(_drawn(draws, side, parts, classes) for side in pair)) for pair in known], axis=0)
    mean = mean[np.isfinite(mean)]
    if not mean.size:
        return None
    low, high = np.quantile(mean, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _drawn(draws: Parts, of_images: Parts, parts: int, classes: int) -> Parts:
    """The metric of each draw, which says how often each image occurs ``[draws, I]``."""
    sums = draws @ of_images.reshape(len(of_images), -1)
    return quality(sums.reshape(-1, parts, classes))
