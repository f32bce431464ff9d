"""Panoptic quality of every decoder layer's prediction (paper figure II)."""

from collections.abc import Sequence
from typing import Any

from m2f.metrics.panoptic_quality import PanopticQuality
from m2f.registry import METRICS


@METRICS.register_module()
class LayerPanopticQuality(PanopticQuality):
    """``PQ_layer0``, ``PQ_layer1``, ... in percent: PQ of what ``LayerInspector`` predicts after each layer.

    Layer 0 is the prediction from the queries before any layer; a model without one begins at layer 1. Arguments,
    errors and the treatment of classes as in :class:`~m2f.metrics.PanopticQuality`.
    """

    def process(self, data_batch: Any, data_samples: Sequence[dict[str, Any]]) -> None:
        """Keep each image's counts by layer."""
        for sample in data_samples:
            layers = sample["layers"]
            truth = self.truth.read(next(iter(layers.values()))["img_id"])
            self.results.append({layer: self.match(prediction, *truth) for layer, prediction in layers.items()})

    def compute_metrics(self, results: list[Any]) -> dict[str, float]:
        """PQ layer by layer."""
        metrics = {}
        for layer in results[0]:
            values = super().compute_metrics([counts[layer] for counts in results])
            if "PQ" in values:
                metrics[f"PQ_layer{layer}"] = values["PQ"]
        return metrics
