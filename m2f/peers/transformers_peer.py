"""transformers' Mask2Former with our weights."""

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, TypeVar

import torch
from mmdet.models.backbones import ResNet
from torch import Tensor, nn

from m2f.checkpoints import from_ours
from m2f.errors import InputError
from m2f.extras import imported
from m2f.models import Mask2Former
from m2f.models.inference import PanopticThresholds
from m2f.peers.peer import Peer
from m2f.peers.settings import require_papers_design, settings
from m2f.thing_labels import flags_of

STAGES = ["stage1", "stage2", "stage3", "stage4"]
POINTS = 4  # samples per head and level, written in transformers' code


class TransformersPeer(Peer):
    """transformers' model and image processor, of whose functions a panoptic model takes all three.

    The processor resizes masks to 384 x 384 before it looks at them, and only what it keeps to the original size.
    """

    def __init__(self, model_config: Mapping[str, Any]) -> None:
        super().__init__()
        transformers = imported("transformers", "bench")
        model_class = transformers.Mask2FormerForUniversalSegmentation
        self.segmenter = model_class(transformers_config(transformers, model_config))
        groups = settings(model_config["pixel_decoder"])["norm_groups"]
        for module in self.segmenter.modules():
            if isinstance(module, nn.GroupNorm):
                module.num_groups = groups
        self.processor = imported("transformers.models.mask2former", "bench").Mask2FormerImageProcessorPil()
        self.task = model_config["task"]
        self.thresholds = PanopticThresholds(**(model_config.get("panoptic") or {}))
        self.stuff = {label for label, thing in enumerate(flags_of(model_config)) if not thing}
        self.norm_eval = model_config["backbone"].get("norm_eval", True)
        norms = model_config["backbone"].get("norm_cfg", {})
        for norm in self._batch_norms():
            norm.requires_grad_(norms.get("requires_grad", True))

    def train(self, mode: bool = True) -> "TransformersPeer":
        """As for any module, but batch norms stay as they are where our config says so, as mmdet's do."""
        super().train(mode)
        if self.norm_eval:
            for norm in self._batch_norms():
                norm.eval()
        return self

    def loss(self, images: Tensor, labels: Sequence[Tensor], masks: Sequence[Tensor]) -> Tensor:
        """See :meth:`Peer.loss`."""
        targets = [own.to(images.dtype) for own in masks]
        return self.segmenter(images, mask_labels=targets, class_labels=list(labels)).loss.sum()

    def predict(self, images: Tensor, sizes: Sequence[tuple[int, int]]) -> list[Mapping[str, Any]]:
        """See :meth:`Peer.predict`."""
        return self.answers(self.infer(images), sizes)

    def answers(self, output: Any, sizes: Sequence[tuple[int, int]]) -> list[Mapping[str, Any]]:
        """Post-processing: :meth:`Peer.predict` from class and mask logits of the last layer."""
        wanted = {"target_sizes": list(sizes)}
        results = {}
        if self.task == "panoptic":
            results["panoptic"] = self.processor.post_process_panoptic_segmentation(
                output,
                threshold=self.thresholds.score,
                overlap_mask_area_threshold=self.thresholds.overlap,
                label_ids_to_fuse=self.stuff,
                **wanted,
            )
        if self.task in ("panoptic", "instance"):
            results["instance"] = self.processor.post_process_instance_segmentation(
                output, return_binary_maps=True, **wanted
            )
        if self.task in ("panoptic", "semantic"):
            results["semantic"] = self.processor.post_process_semantic_segmentation(output, **wanted)
        return [dict(zip(results, own, strict=True)) for own in zip(*results.values(), strict=True)]

    def last_layer(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """See :meth:`Peer.last_layer`."""
        output = self.infer(images)
        return output.class_queries_logits, output.masks_queries_logits

    def infer(self, images: Tensor) -> Any:
        """transformers' output for ``images [B, 3, H, W]``; it predicts the masks of all layers, ten of them in R50."""
        return self.segmenter(images)

    def decode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """See :meth:`Peer.decode`."""
        output = self.segmenter(images, output_auxiliary_logits=True)
        layers = [*output.auxiliary_logits, output]
        classes, masks = (
            torch.stack([layer[name] for layer in layers]) for name in ("class_queries_logits", "masks_queries_logits")
        )
        return classes, masks

    def _batch_norms(self) -> list[nn.BatchNorm2d]:
        return [module for module in self.segmenter.modules() if isinstance(module, nn.BatchNorm2d)]


def transformers_peer(model_config: Mapping[str, Any], ours: Mask2Former) -> TransformersPeer:
    """transformers' model of the same sizes and with the same weights as ours, on the same device.

    Args:
        model_config: the ``model`` of a config, from which ``ours`` was built.
        ours: the model that gives its weights.

    Raises:
        InputError: transformers is not installed, or cannot be built in these sizes.
    """
    require_papers_design(model_config)
    return with_weights(TransformersPeer(model_config), ours)


Built = TypeVar("Built", bound=TransformersPeer)


def with_weights(peer: Built, ours: Mask2Former) -> Built:
    """The peer with our weights, on our device."""
    state = from_ours(ours.state_dict(), "transformers")
    state["criterion.empty_weight"] = peer.segmenter.criterion.empty_weight  # the config's, not the paper's
    peer.segmenter.load_state_dict(state)
    return peer.to(next(ours.parameters()).device)


def transformers_config(transformers: ModuleType, model_config: Mapping[str, Any]) -> Any:
    """A ``Mask2FormerConfig`` of our sizes.

    Raises:
        InputError: transformers has no such model.
    """
    pixels, decoder = settings(model_config["pixel_decoder"]), settings(model_config["transformer_decoder"])
    criterion = settings({**model_config["criterion"], "num_classes": 1})
    if (pixels["num_heads"], pixels["num_points"]) != (decoder["num_heads"], POINTS):
        raise InputError(
            f"transformers samples {POINTS} points and has one number of heads: model.pixel_decoder.num_points must be "
            f"{POINTS} and its num_heads that of model.transformer_decoder."
        )
    return transformers.Mask2FormerConfig(
        backbone_config=backbone_config(transformers, model_config["backbone"]),
        feature_size=decoder["embed_dims"],
        mask_feature_size=decoder["embed_dims"],
        hidden_dim=decoder["embed_dims"],
        encoder_feedforward_dim=pixels["feedforward_dims"],
        encoder_layers=pixels["num_layers"],
        decoder_layers=decoder["num_layers"] + 1,  # counts the prediction before the first
        num_attention_heads=decoder["num_heads"],
        dim_feedforward=decoder["feedforward_dims"],
        num_queries=decoder["queries"]["num_queries"],
        no_object_weight=criterion["no_object_weight"],
        class_weight=criterion["class_weight"],
        mask_weight=criterion["entropy_weight"],
        dice_weight=criterion["dice_weight"],
        train_num_points=criterion["num_points"],
        oversample_ratio=criterion["oversample"],
        importance_sample_ratio=criterion["importance"],
        num_labels=model_config["num_things"] + model_config["num_stuff"],
    )


def backbone_config(transformers: ModuleType, config: Mapping[str, Any]) -> Any:
    """A ``ResNetConfig`` or ``SwinConfig`` from the config of mmdet's backbone.

    Raises:
        InputError: the backbone is another.
    """
    own = settings(config)
    kind = config["type"].rpartition(".")[2]
    if kind == "SwinTransformer":
        return transformers.SwinConfig(
            embed_dim=own["embed_dims"],
            depths=list(own["depths"]),
            num_heads=list(own["num_heads"]),
            window_size=own["window_size"],
            mlp_ratio=float(own["mlp_ratio"]),
            drop_path_rate=own["drop_path_rate"],
            out_features=STAGES,
        )
    if kind == "ResNet":
        block, depths = ResNet.arch_settings[own["depth"]]
        widths = [own["base_channels"] * 2**stage * block.expansion for stage in range(4)]
        return transformers.ResNetConfig(
            embedding_size=own["stem_channels"] or own["base_channels"],
            hidden_sizes=widths,
            depths=list(depths),
            layer_type="bottleneck" if block.expansion > 1 else "basic",
            out_features=STAGES,
        )
    raise InputError(f"transformers has no {config['type']}: model.backbone.type must be ResNet or SwinTransformer.")
