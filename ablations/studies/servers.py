"""Tables II, IV and VI: the models whose numbers test servers tell, which alone have the ground truth.

Those on COCO are trained as for Tables I and III, and their runs are the same. Those on ADE20K are trained on its
training and validation images together. What a training measures on validation images is no number of these tables.
"""

from ablations.studies.keys import (
    LEARNING_RATES,
    LONG,
    MASKFORMER_SWIN_L_IMAGES,
    PIXEL_DECODER,
    TRAIN_LOOP,
)
from ablations.studies.main_results import cropped, mask2former, maskformer
from ablations.studies.study import Setting, Study

LARGE = "Swin-L-22k"
TRAIN_AND_VALIDATION = {
    "train_dataloader.dataset.dataset.type": "m2f.ADE20KTrainAndValidation",
    "train_dataloader.dataset.dataset.data_prefix": {"img_path": "images/", "seg_map_path": "annotations/"},
    TRAIN_LOOP: Setting("train_and_validation_schedule.train_cfg"),
    LEARNING_RATES: Setting("train_and_validation_schedule.param_scheduler"),
}

TABLE_II = Study(
    table="II",
    title="Panoptic segmentation on COCO test-dev",
    baseline="Mask2Former, Swin-L-22k",
    tasks=("panoptic",),
    scales=("paper",),
    submission="--submission coco-panoptic",
    note="Trained on train2017 alone: the runs are Table I's.",
    variations=(maskformer(LARGE, "", MASKFORMER_SWIN_L_IMAGES), mask2former(LARGE, "", LONG)),
)
TABLE_IV = Study(
    table="IV",
    title="Instance segmentation on COCO test-dev",
    baseline="Mask2Former, Swin-L-22k",
    tasks=("instance",),
    scales=("paper",),
    submission="--submission coco-instance",
    note="Trained on train2017 alone: the run is Table III's.",
    variations=(mask2former(LARGE, "", LONG),),
)
TABLE_VI = Study(
    table="VI",
    title="Semantic segmentation on ADE20K test",
    baseline="Mask2Former, Swin-L-22k, FaPN",
    tasks=("semantic",),
    scales=("paper",),
    submission="--submission ade20k --multi-scale",
    note="Trained on training and validation images, for as many epochs as on training images alone (MaskFormer's "
    "author, facebookresearch/MaskFormer#41), and tested at several scales.",
    variations=(
        maskformer(
            LARGE,
            "",
            {
                **cropped(LARGE),
                **TRAIN_AND_VALIDATION,
                LEARNING_RATES: Setting("train_and_validation_schedule.swin.param_scheduler"),
            },
        ),
        mask2former(LARGE, "FaPN", {**cropped(LARGE), PIXEL_DECODER: "FaPN", **TRAIN_AND_VALIDATION}),
    ),
)
