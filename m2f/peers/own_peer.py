"""Our model as a peer."""

from collections.abc import Mapping, Sequence
from typing import Any

from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData
from torch import Tensor

from m2f.models import Mask2Former
from m2f.peers.peer import Peer


class OwnPeer(Peer):
    """:class:`m2f.models.segmentor.Mask2Former`."""

    def __init__(self, model: Mask2Former) -> None:
        super().__init__()
        self.model = model

    def loss(self, images: Tensor, labels: Sequence[Tensor], masks: Sequence[Tensor]) -> Tensor:
        """See :meth:`Peer.loss`."""
        samples = [DetDataSample() for _ in images]
        for sample, own_labels, own_masks in zip(samples, labels, masks, strict=True):
            sample.gt_instances = InstanceData(labels=own_labels, masks=own_masks)
        return self.model.loss(images, samples)["loss"]

    def predict(self, images: Tensor, sizes: Sequence[tuple[int, int]]) -> list[Mapping[str, Any]]:
        """See :meth:`Peer.predict`."""
        padded = tuple(images.shape[-2:])
        samples = [DetDataSample(metainfo={"img_shape": padded, "ori_shape": size}) for size in sizes]
        names = {"panoptic": "pred_panoptic_seg", "instance": "pred_instances", "semantic": "pred_sem_seg"}
        return [
            {task: sample.get(name) for task, name in names.items() if name in sample}
            for sample in self.model.predict(images, samples)
        ]

    def last_layer(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """See :meth:`Peer.last_layer`."""
        output = self.model.decode(images, all_layers=False)
        return output.class_logits[-1], output.masks.at_layer(-1).everything()[0]

    def decode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """See :meth:`Peer.decode`."""
        output = self.model.decode(images, all_layers=True)
        return output.class_logits, output.masks.everything()


def own_peer(model: Mask2Former) -> OwnPeer:
    """Our model behind the calls of a peer."""
    return OwnPeer(model)
