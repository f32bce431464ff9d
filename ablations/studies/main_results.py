"""Tables 1, 2, 3, I, III and V: the paper's main results on COCO and ADE20K.

Their rows differ in method, backbone and length of training.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ablations.studies.keys import (
    ALSO_AT_MANY_SCALES,
    LONG,
    MASKFORMER,
    MASKFORMER_SWIN_L_IMAGES,
    MASKFORMER_TRAINING,
    MASKFORMER_WITH_SWIN,
    PIXEL_DECODER,
    TRAIN_PIPELINE,
    VALIDATION_PIPELINE,
    with_backbone,
)
from ablations.studies.study import Setting, Study, Variation

RESNETS = ("R50", "R101")
# The reference trains the norms of R101 on ADE20K (maskformer2_R101_bs16_90k.yaml), and of no other backbone.
TRAINED_NORMS = {
    "model.backbone.norm_cfg": {"type": "SyncBN", "requires_grad": True},
    "model.backbone.norm_eval": False,
}
SECTION_4 = "Sections 4.1 and 4.2."


def mask2former(backbone: str, paper_row: str, overrides: Mapping[str, Any]) -> Variation:
    """A row of Mask2Former."""
    changes = {**(with_backbone(backbone) if backbone != "R50" else {}), **overrides}
    suffix = ", FaPN" if "FaPN" in paper_row else ""
    return Variation(f"Mask2Former, {backbone}{suffix}", changes, paper_row, reason=SECTION_4, backbone=backbone)


def maskformer(backbone: str, paper_row: str, overrides: Mapping[str, Any]) -> Variation:
    """A row of MaskFormer, which the paper takes from its authors."""
    design = {**MASKFORMER, **MASKFORMER_TRAINING} if backbone in RESNETS else MASKFORMER_WITH_SWIN
    return Variation(
        f"MaskFormer, {backbone}",
        {**design, **(with_backbone(backbone) if backbone != "R50" else {}), **overrides},
        paper_row,
        provenance="inferred",
        reason="Its authors' public config; on COCO with Table XII(a)'s batch of 16, where theirs is 64.",
        method="MaskFormer",
        backbone=backbone,
    )


def on_coco(table: str, title: str, task: str, maskformers: tuple[str, ...], mask2formers: tuple[str, ...]) -> Study:
    """A table of COCO results with MaskFormer's rows first, as in the paper."""
    return Study(
        table=table,
        title=title,
        baseline="Mask2Former, R50",
        tasks=(task,),
        scales=("lite", "paper"),
        variations=(
            *(
                maskformer(
                    backbone,
                    "100 queries, 300 epochs",
                    MASKFORMER_SWIN_L_IMAGES if backbone == "Swin-L-22k" else {},
                )
                for backbone in maskformers
            ),
            *(
                mask2former(backbone, "200 queries, 100 epochs", LONG)
                if backbone == "Swin-L-22k"
                else mask2former(backbone, "100 queries, 50 epochs", {})
                for backbone in mask2formers
            ),
        ),
    )


def crop(backbone: str) -> str:
    """The crop of ADE20K that a backbone is trained with."""
    return "crop 640" if backbone.startswith(("Swin-B", "Swin-L")) else "crop 512"


def cropped(backbone: str) -> dict[str, Any]:
    """Images of that crop's size; MaskFormer's augmentation on ADE20K is the same."""
    pipeline = f"pipelines.{crop(backbone).replace(' ', '_')}"
    return {TRAIN_PIPELINE: Setting(pipeline), VALIDATION_PIPELINE: Setting(f"{pipeline}_validation")}


SWINS = ("Swin-T", "Swin-S", "Swin-B", "Swin-B-22k", "Swin-L-22k")
ALL = (*RESNETS, *SWINS)


def on_ade20k(backbone: str) -> Variation:
    """Mask2Former's row of Tables 3 and V."""
    changes = {**cropped(backbone), **(TRAINED_NORMS if backbone == "R101" else {})}
    return mask2former(backbone, crop(backbone), changes)


TABLE_1 = on_coco("1", "Panoptic segmentation", "panoptic", (*RESNETS, "Swin-L-22k"), (*RESNETS, "Swin-L-22k"))
TABLE_2 = on_coco("2", "Instance segmentation", "instance", ("R50",), (*RESNETS, "Swin-L-22k"))
TABLE_I = on_coco("I", "Panoptic segmentation with every backbone", "panoptic", ALL, ALL)
TABLE_III = on_coco("III", "Instance segmentation with every backbone", "instance", (), ALL)
TABLE_V = Study(
    table="V",
    title="Semantic segmentation with every backbone",
    baseline="Mask2Former, R50",
    tasks=("semantic",),
    evaluation=ALSO_AT_MANY_SCALES,
    scales=("lite", "paper"),
    variations=(
        *(maskformer(backbone, crop(backbone), cropped(backbone)) for backbone in ALL),
        *(on_ade20k(backbone) for backbone in ALL),
        mask2former("Swin-L-22k", "crop 640, FaPN", {**cropped("Swin-L-22k"), PIXEL_DECODER: "FaPN"}),
    ),
)
TABLE_3 = Study(
    table="3",
    title="Semantic segmentation",
    baseline="Mask2Former, R50",
    tasks=("semantic",),
    evaluation=ALSO_AT_MANY_SCALES,
    scales=("lite", "paper"),
    note="MaskFormer's Swin-T is called pre-trained on ImageNet-22k; that of Table V, with equal numbers, is not.",
    variations=(
        maskformer("R50", "crop 512", cropped("R50")),
        replace(maskformer("Swin-T", "crop 512", cropped("Swin-T")), backbone="Swin-T-22k"),
        maskformer("Swin-L-22k", "crop 640", cropped("Swin-L-22k")),
        *(on_ade20k(backbone) for backbone in ("R50", "Swin-T", "Swin-L-22k")),
        mask2former("Swin-L-22k", "crop 640, FaPN", {**cropped("Swin-L-22k"), PIXEL_DECODER: "FaPN"}),
    ),
)
