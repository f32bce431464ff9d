"""What predictions are worth beside ground truth, in scope ``m2f``: no model, and nothing that knows of a run, here.

Metrics have the names of the paper's tables, and are in percent where it is.
"""

from m2f.metrics.attention_mass import AttentionMass
from m2f.metrics.cityscapes_ap import CityscapesAP
from m2f.metrics.instance_ap import InstanceAP
from m2f.metrics.layer_panoptic_quality import LayerPanopticQuality
from m2f.metrics.mean_iou import MapMeanIoU, MeanIoU, PanopticMeanIoU
from m2f.metrics.panoptic_quality import PanopticQuality
from m2f.metrics.proposal_recall import ProposalRecall

__all__ = [
    "AttentionMass",
    "CityscapesAP",
    "InstanceAP",
    "LayerPanopticQuality",
    "MapMeanIoU",
    "MeanIoU",
    "PanopticMeanIoU",
    "PanopticQuality",
    "ProposalRecall",
]
