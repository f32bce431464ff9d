"""Tables 6, 7, VII, VIII and IX: Mask2Former and MaskFormer on Cityscapes, ADE20K and Mapillary Vistas.

Rows name their data set, whose configs have the schedules, crops and norms; they differ in backbone. With Swin-L
panoptic and instance models have twice the queries.
"""

from dataclasses import replace
from typing import Any

from ablations.studies.keys import (
    ALL_TASKS,
    ALSO_AT_MANY_SCALES,
    PIXEL_DECODER,
    QUERY_COUNT,
    TRAIN_PIPELINE,
    VALIDATION_PIPELINE,
    with_backbone,
)
from ablations.studies.main_results import maskformer
from ablations.studies.study import Provenance, Setting, Study, Variation

PAPER = ("paper",)
REASON = "The paper's appendix, and the data set's official config."
LARGE = "Swin-L-22k"
CROP_640 = {
    TRAIN_PIPELINE: Setting("pipelines.crop_640"),
    VALIDATION_PIPELINE: Setting("pipelines.crop_640_validation"),
}


def mask2former(dataset: str, backbone: str, overrides: dict[str, Any] | None = None) -> Variation:
    """A row of Mask2Former, which the paper names by its backbone alone."""
    changes = {
        **(with_backbone(backbone) if backbone != "R50" else {}),
        **({QUERY_COUNT: Setting("queries_of_swin_l")} if backbone == LARGE else {}),
        **(overrides or {}),
    }
    return Variation(
        f"Mask2Former, {backbone}", changes, paper_row="", reason=REASON, backbone=backbone, dataset=dataset
    )


def its_maskformer(dataset: str, backbone: str, task: str, overrides: dict[str, Any] | None = None) -> Variation:
    """A row of MaskFormer, which the paper has for one task."""
    return replace(maskformer(backbone, "", overrides or {}), dataset=dataset, tasks=(task,))


def on_cityscapes(*backbones: str) -> tuple[Variation, ...]:
    """Mask2Former's rows of Tables 6 and VII."""
    return tuple(mask2former("cityscapes", backbone) for backbone in backbones)


def one_model_a_task(dataset: str, name: str, reason: str, provenance: Provenance = "exact") -> Variation:
    """A data set's rows of Table 7."""
    return Variation(name, {}, "{task} model", provenance, reason, dataset=dataset)


TABLE_6 = Study(
    table="6",
    title="Cityscapes",
    baseline="Mask2Former, R50",
    tasks=("panoptic", "semantic"),
    scales=PAPER,
    evaluation=ALSO_AT_MANY_SCALES,
    variations=on_cityscapes("R50", "Swin-B-22k", LARGE),
)
TABLE_7 = Study(
    table="7",
    title="One panoptic model, or a model for each task",
    baseline="COCO",
    tasks=ALL_TASKS,
    scales=PAPER,
    note="Rows are data sets, no designs: a panoptic model's AP_pan_th stands against AP, its mIoU_pan against mIoU.",
    variations=(
        one_model_a_task("coco", "COCO", "The paper does not say how the semantic model was trained.", "inferred"),
        one_model_a_task("ade20k", "ADE20K", REASON),
        one_model_a_task("cityscapes", "Cityscapes", REASON),
    ),
)
TABLE_VII = Study(
    table="VII",
    title="Cityscapes with every backbone",
    baseline="Mask2Former, R50",
    tasks=ALL_TASKS,
    scales=PAPER,
    evaluation=ALSO_AT_MANY_SCALES,
    variations=on_cityscapes("R50", "R101", "Swin-T", "Swin-S", "Swin-B-22k", LARGE),
)
TABLE_VIII = Study(
    table="VIII",
    title="ADE20K in all tasks",
    baseline="Mask2Former, R50",
    tasks=ALL_TASKS,
    scales=PAPER,
    evaluation=ALSO_AT_MANY_SCALES,
    variations=(
        # OBJECT_MASK_THRESHOLD of its maskformer_panoptic_R50_bs16_720k.yaml; on COCO it is 0.8.
        its_maskformer("ade20k", "R50", "panoptic", {"model.panoptic": {"score": 0.7, "foreground": 0.0}}),
        its_maskformer("ade20k", LARGE, "semantic", CROP_640),
        mask2former("ade20k", "R50"),
        mask2former("ade20k", LARGE, CROP_640),
        replace(
            mask2former("ade20k", LARGE, {**CROP_640, PIXEL_DECODER: "FaPN"}),
            name=f"Mask2Former, {LARGE}, FaPN",
            paper_row="FaPN",
        ),
    ),
)
TABLE_IX = Study(
    table="IX",
    title="Mapillary Vistas",
    baseline="Mask2Former, R50",
    tasks=("panoptic", "semantic"),
    scales=PAPER,
    evaluation=ALSO_AT_MANY_SCALES,
    variations=(
        its_maskformer("mapillary", "R50", "semantic"),
        mask2former("mapillary", "R50"),
        mask2former("mapillary", LARGE),
    ),
)
