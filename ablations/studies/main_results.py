"""Tables 1, 2, I, III and V: the paper's main results, whose rows differ in method, backbone and length of training."""

from collections.abc import Mapping
from typing import Any

from ablations.studies.keys import (
    MASKFORMER,
    MASKFORMER_TRAINING,
    PIXEL_DECODER,
    QUERY_COUNT,
    TRAIN_PIPELINE,
    VALIDATION_PIPELINE,
    trained_for,
    with_backbone,
)
from ablations.studies.study import Setting, Study, Times, Variation

PLAIN_FPN = {PIXEL_DECODER: "FPN"}
LONG = {QUERY_COUNT: Times(2), **trained_for(100)}
RESNETS = ("R50", "R101")
SECTION_4 = "Sections 4.1 and 4.2."


def mask2former(backbone: str, paper_row: str, overrides: Mapping[str, Any]) -> Variation:
    """A row of Mask2Former."""
    changes = {**(with_backbone(backbone) if backbone != "R50" else {}), **overrides}
    suffix = ", FaPN" if "FaPN" in paper_row else ""
    return Variation(f"Mask2Former, {backbone}{suffix}", changes, paper_row, reason=SECTION_4, backbone=backbone)


def maskformer(backbone: str, paper_row: str, overrides: Mapping[str, Any]) -> Variation:
    """A row of MaskFormer, which the paper takes from its authors."""
    changes = {**MASKFORMER, **MASKFORMER_TRAINING, **(with_backbone(backbone) if backbone != "R50" else {})}
    return Variation(
        f"MaskFormer, {backbone}",
        {**changes, **overrides},
        paper_row,
        provenance="inferred",
        reason="Table XII: its decoder, and its training with batch 16. Its parameters tell which FPN it has.",
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
        scales=("paper",),
        variations=(
            *(
                # Its FPN has encoder layers with a ResNet on COCO alone: the parameters in Tables I and V tell.
                maskformer(backbone, "100 queries, 300 epochs", {} if backbone in RESNETS else PLAIN_FPN)
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


def cropped(backbone: str) -> dict[str, Setting]:
    """Images of that crop's size; MaskFormer's augmentation on ADE20K is the same."""
    pipeline = f"pipelines.{crop(backbone).replace(' ', '_')}"
    return {TRAIN_PIPELINE: Setting(pipeline), VALIDATION_PIPELINE: Setting(f"{pipeline}_validation")}


SWINS = ("Swin-T", "Swin-S", "Swin-B", "Swin-B-22k", "Swin-L-22k")
ALL = (*RESNETS, *SWINS)

TABLE_1 = on_coco("1", "Panoptic segmentation", "panoptic", (*RESNETS, "Swin-L-22k"), (*RESNETS, "Swin-L-22k"))
TABLE_2 = on_coco("2", "Instance segmentation", "instance", ("R50",), (*RESNETS, "Swin-L-22k"))
TABLE_I = on_coco("I", "Panoptic segmentation with every backbone", "panoptic", ALL, ALL)
TABLE_III = on_coco("III", "Instance segmentation with every backbone", "instance", (), ALL)
TABLE_V = Study(
    table="V",
    title="Semantic segmentation with every backbone",
    baseline="Mask2Former, R50",
    tasks=("semantic",),
    scales=("paper",),
    variations=(
        *(maskformer(backbone, crop(backbone), {**PLAIN_FPN, **cropped(backbone)}) for backbone in ALL),
        *(mask2former(backbone, crop(backbone), cropped(backbone)) for backbone in ALL),
        mask2former("Swin-L-22k", "crop 640, FaPN", {**cropped("Swin-L-22k"), PIXEL_DECODER: "FaPN"}),
    ),
)
