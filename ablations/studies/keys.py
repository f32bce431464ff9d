"""Config keys that rows of several tables replace, and the designs that several tables share."""

from typing import Any

from ablations.studies.study import Evaluation, Setting, Times
from m2f.engine.multi_scale import OVERRIDES as MULTI_SCALE

BACKBONE = "model.backbone"
CHANNELS = "model.pixel_decoder.in_channels"
PIXEL_DECODER = "model.pixel_decoder.type"
CROSS_ATTENTION = "model.transformer_decoder.cross_attention.type"
COMPANIONS = "model.transformer_decoder.companions"
CRITERION = "model.criterion.type"
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
WEIGHT_DECAY = "optim_wrapper.optimizer.weight_decay"
PADDING = "model.data_preprocessor.pad_size_divisor"
TRAIN_LOOP = "train_cfg"
LEARNING_RATES = "param_scheduler"

ALL_TASKS = ("panoptic", "instance", "semantic")


def trained_for(epochs: int) -> dict[str, Any]:
    """The schedule that stands for so many epochs of COCO."""
    schedule = f"schedules.{epochs}_epochs"
    return {TRAIN_LOOP: Setting(f"{schedule}.train_cfg"), LEARNING_RATES: Setting(f"{schedule}.param_scheduler")}


def trained_for_table_xii(method: str) -> dict[str, Any]:
    """The schedule of Tables XII(c) and (d) by ``maskformer``'s or ``mask2former``'s training parameters.

    It is longer than other tables' where MaskFormer would have learnt nothing.
    """
    schedule = f"maskformer.schedule.table_xii.{method}"
    return {TRAIN_LOOP: Setting(f"{schedule}.train_cfg"), LEARNING_RATES: Setting(f"{schedule}.param_scheduler")}


# The schedule for which those who came after the paper print their ablations: 12 epochs of COCO. On ADE20K it is the
# paper's own, and so it is at mini and smoke, where a shorter one would show nothing.
AS_FOLLOWERS = {
    TRAIN_LOOP: Setting("followers_schedule.train_cfg"),
    LEARNING_RATES: Setting("followers_schedule.param_scheduler"),
}


def with_backbone(name: str) -> dict[str, Setting]:
    """The scale's own backbone of that name."""
    return {BACKBONE: Setting(f"backbones.{name}.backbone"), CHANNELS: Setting(f"backbones.{name}.in_channels")}


# MaskFormer: its decoder, Table XII(b), on the FPN that its authors' configs have for the task's data.
MASKFORMER = {
    PIXEL_DECODER: Setting("maskformer.pixel_decoder"),
    CROSS_ATTENTION: "CrossAttention",
    CROSS_ATTENTION_FIRST: False,
    DROPOUT: 0.1,
    LAYERS: Times(2 / 3),
    READS: [[32]],
    QUERIES: "ZeroQueries",
}
# MaskFormer's training parameters, Table XII(a), and of its authors' configs what that table leaves out.
MASKFORMER_TRAINING = {
    MATCH_ON: "masks",
    TRAIN_ON: "masks",
    "model.criterion.focal": True,
    "model.criterion.class_weight": 1.0,
    "model.criterion.entropy_weight": 20.0,
    "model.criterion.dice_weight": 1.0,
    WEIGHT_DECAY: 1e-4,
    TRAIN_PIPELINE: Setting("pipelines.standard_with_crop"),
    TRAIN_LOOP: Setting("maskformer.schedule.train_cfg"),
    LEARNING_RATES: Setting("maskformer.schedule.param_scheduler"),
    PADDING: Setting("maskformer.pad_size_divisor"),
    "model.panoptic": {"foreground": 0.0},
}
# With a Swin Transformer no encoder, and training parameters of its own: every maskformer_*swin*.yaml of its authors.
MASKFORMER_WITH_SWIN = {
    **MASKFORMER,
    **MASKFORMER_TRAINING,
    PIXEL_DECODER: "MaskFormerFPN",
    "optim_wrapper.optimizer.lr": Setting("maskformer.schedule.swin.lr"),
    "optim_wrapper.paramwise_cfg.backbone_lr_mult": 1.0,
    WEIGHT_DECAY: 0.01,
    LEARNING_RATES: Setting("maskformer.schedule.swin.param_scheduler"),
}
# MaskFormer's configs of Swin-L on COCO resize to a longer side of at most 1000 pixels.
MASKFORMER_SWIN_L_IMAGES = {TRAIN_PIPELINE: Setting("pipelines.standard_with_crop_longest_1000")}
# The columns "m.s." of semantic segmentation: each finished training is tested at several scales as well.
ALSO_AT_MANY_SCALES = Evaluation(MULTI_SCALE, tasks=("semantic",), adds="mIoU_ms")
# Mask2Former with Swin-L, section 4.1 and Tables 1, 2, I, III.
LONG = {QUERY_COUNT: Times(2), **trained_for(100)}
