"""Evaluation metrics, registered in scope ``m2f``; values in percent under the names of the paper's tables."""

from m2f.metrics.instance_ap import InstanceAP
from m2f.metrics.mean_iou import MeanIoU, PanopticMeanIoU
from m2f.metrics.panoptic_quality import PanopticQuality

__all__ = ["InstanceAP", "MeanIoU", "PanopticMeanIoU", "PanopticQuality"]
