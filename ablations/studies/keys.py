"""Config keys that rows of several tables replace, and the designs that several tables share."""

from typing import Any

from ablations.studies.study import Setting, Times

BACKBONE = "model.backbone"
CHANNELS = "model.pixel_decoder.in_channels"
PIXEL_DECODER = "model.pixel_decoder.type"
CROSS_ATTENTION = "model.transformer_decoder.cross_attention.type"
CROSS_ATTENTION_FIRST = "model.transformer_decoder.cross_attention_first"
DROPOUT = "model.transformer_decoder.dropout"
LAYERS = "model.transformer_decoder.num_layers"
READS = "model.transformer_decoder.reads"
QUERIES = "model.transformer_decoder.queries.type"
QUERY_COUNT = "model.transformer_decoder.queries.num_queries"
SUPERVISED_QUERIES = "model.transformer_decoder.queries.supervised"
MATCH_ON = "model.criterion.match_on"
TRAIN_ON = "model.criterion.train_on"
TRAIN_PIPELINE = "train_dataloader.dataset.dataset.pipeline"
VALIDATION_PIPELINE = "val_dataloader.dataset.pipeline"
TRAIN_LOOP = "train_cfg"
LEARNING_RATES = "param_scheduler"

ALL_TASKS = ("panoptic", "instance", "semantic")


def trained_for(epochs: int) -> dict[str, Any]:
    """The schedule that stands for so many epochs of COCO."""
    schedule = f"schedules.{epochs}_epochs"
    return {TRAIN_LOOP: Setting(f"{schedule}.train_cfg"), LEARNING_RATES: Setting(f"{schedule}.param_scheduler")}


def with_backbone(name: str) -> dict[str, Setting]:
    """The scale's own backbone of that name."""
    return {BACKBONE: Setting(f"backbones.{name}.backbone"), CHANNELS: Setting(f"backbones.{name}.in_channels")}


# MaskFormer's decoder, Table XII(b), on the FPN of Table 4(e).
MASKFORMER = {
    PIXEL_DECODER: "TransformerEncoderFPN",
    CROSS_ATTENTION: "CrossAttention",
    CROSS_ATTENTION_FIRST: False,
    DROPOUT: 0.1,
    LAYERS: Times(2 / 3),
    READS: [[32]],
    QUERIES: "ZeroQueries",
}
# MaskFormer's training parameters, Table XII(a).
MASKFORMER_TRAINING = {
    MATCH_ON: "masks",
    TRAIN_ON: "masks",
    "model.criterion.focal": True,
    "model.criterion.class_weight": 1.0,
    "model.criterion.entropy_weight": 20.0,
    "model.criterion.dice_weight": 1.0,
    "optim_wrapper.optimizer.weight_decay": 1e-4,
    TRAIN_PIPELINE: Setting("pipelines.standard_with_crop"),
    **trained_for(75),
}
