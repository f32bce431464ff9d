"""Evaluation by several processes with exactly the metrics of one."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

from mmengine.dist import is_main_process
from mmengine.evaluator import Evaluator
from mmengine.utils import apply_to

from m2f.engine.processes import from_main, gather_on_cpu
from m2f.registry import EVALUATORS


@EVALUATORS.register_module()
class SharedEvaluator(Evaluator):
    """mmengine's evaluator for processes whose data comes from a ``WholeBatches`` sampler.

    The results of all images come together in the main process in the order of the data set, each once, so that its
    metrics work on just what those of a single process work on. mmengine's own way has their order right for batches
    of one image alone, and goes through files in the current directory.

    Args:
        metrics: configs of the metrics, each keeping one result an image.
        batch_size: images a batch.
    """

    def __init__(self, metrics: Sequence[dict[str, Any]], batch_size: int) -> None:
        super().__init__(metrics)
        self.batch_size = batch_size

    def evaluate(self, size: int) -> dict[str, float]:
        """All metrics over the data set's ``size`` images, in every process."""
        values: dict[str, float] = {}
        for metric in self.metrics:
            parts = gather_on_cpu(apply_to(metric.results, lambda part: hasattr(part, "cpu"), lambda part: part.cpu()))
            metric.results.clear()
            if is_main_process():
                results = in_order(parts, self.batch_size, size)
                for name, value in metric.compute_metrics(results).items():
                    values["/".join(filter(None, (metric.prefix, name)))] = value
        return from_main(values)


def in_order(parts: Sequence[list[Any]], batch_size: int, size: int) -> list[Any]:
    """Results in the order of the data set, from those of each process, which had every so manieth batch."""
    left = [iter(part) for part in parts]
    results: list[Any] = []
    for first in range(0, size, batch_size):
        turn = left[first // batch_size % len(parts)]
        results.extend(islice(turn, min(batch_size, size - first)))
    if len(results) != size:
        raise RuntimeError(f"a metric keeps {len(results)} results of {size} images; it must keep one of each")
    return results
