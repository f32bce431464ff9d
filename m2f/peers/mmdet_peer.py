"""mmdet's Mask2Former with our weights."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmdet.registry import MODELS as MMDET_MODELS
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.config import ConfigDict
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData
from torch import Tensor

from m2f.checkpoints import from_ours
from m2f.compiled_ops import compiled_ops_available
from m2f.errors import InputError
from m2f.models import Mask2Former
from m2f.models.inference import PanopticThresholds
from m2f.peers.peer import Peer
from m2f.peers.settings import require_papers_design, settings
from m2f.thing_labels import flags_of


class MmdetPeer(Peer):
    """mmdet's detector. A panoptic model answers as panoptic and instance model; it has no semantic answer."""

    def __init__(self, model_config: Mapping[str, Any]) -> None:
        super().__init__()
        with DefaultScope.overwrite_default_scope("mmdet"):
            self.detector = MMDET_MODELS.build(ConfigDict(detector_config(model_config)))

    def loss(self, images: Tensor, labels: Sequence[Tensor], masks: Sequence[Tensor]) -> Tensor:
        """See :meth:`Peer.loss`."""
        samples = samples_of(images, [(images.shape[2], images.shape[3])] * len(images))
        for sample, own_labels, own_masks in zip(samples, labels, masks, strict=True):
            bitmaps = BitmapMasks(own_masks.cpu().numpy(), *own_masks.shape[1:])
            sample.gt_instances = InstanceData(labels=own_labels, masks=bitmaps)
        return torch.cat([term.flatten() for term in self.detector.loss(images, samples).values()]).sum()

    def predict(self, images: Tensor, sizes: Sequence[tuple[int, int]]) -> list[Mapping[str, Any]]:
        """See :meth:`Peer.predict`."""
        names = {"panoptic": "pred_panoptic_seg", "instance": "pred_instances"}
        return [
            {task: sample.get(name) for task, name in names.items() if name in sample}
            for sample in self.detector.predict(images, samples_of(images, sizes))
        ]

    def last_layer(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """See :meth:`Peer.last_layer`."""
        classes, masks = self._layers(images)
        return classes[-1], masks[-1]

    def decode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """See :meth:`Peer.decode`."""
        classes, masks = self._layers(images)
        return torch.stack(classes), torch.stack(masks)

    def _layers(self, images: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        features = self.detector.extract_feat(images)
        return self.detector.panoptic_head(features, samples_of(images, [(1, 1)] * len(images)))


def mmdet_peer(model_config: Mapping[str, Any], ours: Mask2Former) -> MmdetPeer:
    """mmdet's model of the same sizes and with the same weights as ours, on the same device.

    Args:
        model_config: the ``model`` of a config, from which ``ours`` was built.
        ours: the model that gives its weights.

    Raises:
        InputError: the config is not the paper's default design, its task is semantic, or ``ours`` is on a GPU on which
            mmcv's compiled ops do not run.
    """
    require_papers_design(model_config)
    if model_config["task"] == "semantic":
        raise InputError("mmdet has no semantic post-processing: model.task must be panoptic or instance.")
    device = next(ours.parameters()).device
    if device.type == "cuda" and not compiled_ops_available():
        raise InputError("mmdet on a GPU needs mmcv's compiled ops; `m2f doctor` says how mmcv is built with them.")
    peer = MmdetPeer(model_config)
    peer.detector.load_state_dict(from_ours(ours.state_dict(), "mmdet"))
    return peer.to(device)


def samples_of(images: Tensor, sizes: Sequence[tuple[int, int]]) -> list[DetDataSample]:
    """Samples that say how large the images are and were."""
    padded = tuple(images.shape[-2:])
    shapes = {"img_shape": padded, "batch_input_shape": padded, "pad_shape": padded}
    return [DetDataSample(metainfo={**shapes, "ori_shape": size}) for size in sizes]


def detector_config(model_config: Mapping[str, Any]) -> dict[str, Any]:
    """mmdet's config (mask2former_r50_8xb2-lsj-50e_coco-panoptic.py) with our sizes."""
    backbone = {key: value for key, value in model_config["backbone"].items() if key != "init_cfg"}
    criterion = settings({**model_config["criterion"], "num_classes": 1})
    flags = flags_of(model_config)
    things, stuff = sum(flags), len(flags) - sum(flags)
    if not all(flags[:things]):
        raise InputError("mmdet has no model whose stuff comes before its things; leave out model.thing_labels.")
    pairs = model_config["transformer_decoder"]["queries"]["num_queries"] * (things + stuff)
    thresholds = PanopticThresholds(**(model_config.get("panoptic") or {}))
    test = {
        "panoptic_on": model_config["task"] == "panoptic",
        "semantic_on": False,
        "instance_on": True,
        "max_per_image": min(100, pairs),
        "object_mask_thr": thresholds.score,
        "iou_thr": thresholds.overlap,
        "filter_low_score": thresholds.foreground > 0,
    }
    return {
        "type": "Mask2Former",
        "backbone": {**backbone, "type": backbone["type"].rpartition(".")[2]},
        "panoptic_head": head_config(model_config, criterion),
        "panoptic_fusion_head": {
            "type": "MaskFormerFusionHead",
            "num_things_classes": things,
            "num_stuff_classes": stuff,
        },
        "train_cfg": {
            "num_points": criterion["num_points"],
            "oversample_ratio": criterion["oversample"],
            "importance_sample_ratio": criterion["importance"],
            "assigner": {
                "type": "HungarianAssigner",
                "match_costs": [
                    {"type": "ClassificationCost", "weight": criterion["class_weight"]},
                    {"type": "CrossEntropyLossCost", "weight": criterion["entropy_weight"], "use_sigmoid": True},
                    {"type": "DiceCost", "weight": criterion["dice_weight"], "pred_act": True, "eps": 1.0},
                ],
            },
            "sampler": {"type": "MaskPseudoSampler"},
        },
        "test_cfg": test,
    }


def head_config(model_config: Mapping[str, Any], criterion: Mapping[str, Any]) -> dict[str, Any]:
    """mmdet's panoptic head: pixel decoder, transformer decoder and losses."""
    pixels, decoder = settings(model_config["pixel_decoder"]), settings(model_config["transformer_decoder"])
    dims = decoder["embed_dims"]
    classes = model_config["num_things"] + model_config["num_stuff"]
    position = {"num_feats": dims // 2, "normalize": True}
    attention = {"embed_dims": dims, "dropout": 0.0, "batch_first": True}
    decoder_attention = {**attention, "num_heads": decoder["num_heads"]}
    cross_entropy = {"type": "CrossEntropyLoss", "reduction": "mean"}
    return {
        "type": "Mask2FormerHead",
        "in_channels": list(pixels["in_channels"]),
        "strides": [4, 8, 16, 32],
        "feat_channels": dims,
        "out_channels": dims,
        "num_things_classes": model_config["num_things"],
        "num_stuff_classes": model_config["num_stuff"],
        "num_queries": decoder["queries"]["num_queries"],
        "num_transformer_feat_level": 3,
        "pixel_decoder": {
            "type": "MSDeformAttnPixelDecoder",
            "num_outs": 3,
            "norm_cfg": {"type": "GN", "num_groups": pixels["norm_groups"]},
            "act_cfg": {"type": "ReLU"},
            "encoder": {
                "num_layers": pixels["num_layers"],
                "layer_cfg": {
                    "self_attn_cfg": {
                        **attention,
                        "num_heads": pixels["num_heads"],
                        "num_levels": 3,
                        "num_points": pixels["num_points"],
                    },
                    "ffn_cfg": feedforward(dims, pixels["feedforward_dims"]),
                },
            },
            "positional_encoding": position,
        },
        "enforce_decoder_input_project": False,
        "positional_encoding": position,
        "transformer_decoder": {
            "return_intermediate": True,
            "num_layers": decoder["num_layers"],
            "layer_cfg": {
                "self_attn_cfg": decoder_attention,
                "cross_attn_cfg": decoder_attention,
                "ffn_cfg": feedforward(dims, decoder["feedforward_dims"]),
            },
            "init_cfg": None,
        },
        "loss_cls": {
            **cross_entropy,
            "use_sigmoid": False,
            "loss_weight": criterion["class_weight"],
            "class_weight": [1.0] * classes + [criterion["no_object_weight"]],
        },
        "loss_mask": {**cross_entropy, "use_sigmoid": True, "loss_weight": criterion["entropy_weight"]},
        "loss_dice": {
            "type": "DiceLoss",
            "use_sigmoid": True,
            "activate": True,
            "reduction": "mean",
            "naive_dice": True,
            "eps": 1.0,
            "loss_weight": criterion["dice_weight"],
        },
    }


def feedforward(dims: int, hidden: int) -> dict[str, Any]:
    """mmdet's config of a layer's feed-forward network."""
    activation = {"type": "ReLU", "inplace": True}
    return {
        "embed_dims": dims,
        "feedforward_channels": hidden,
        "num_fcs": 2,
        "ffn_drop": 0.0,
        "act_cfg": activation,
    }
