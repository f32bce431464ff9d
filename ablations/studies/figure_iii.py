"""Figure III: accuracy against FLOPs, MaskFormer and Mask2Former with four sizes of the backbone."""

from ablations.studies.keys import LONG, MASKFORMER_SWIN_L_IMAGES, MASKFORMER_WITH_SWIN, with_backbone
from ablations.studies.study import Study, Variation

BACKBONES = {"tiny": "Swin-T", "small": "Swin-S", "base": "Swin-B", "large": "Swin-L"}
DESIGNS = {"MaskFormer": MASKFORMER_WITH_SWIN, "Mask2Former": {}}
# What Table I's rows of Swin-L have besides.
LARGE = {"MaskFormer": MASKFORMER_SWIN_L_IMAGES, "Mask2Former": LONG}

FIGURE_III = Study(
    table="figIII",
    title="Accuracy against FLOPs",
    baseline="Mask2Former, small",
    tasks=("panoptic",),
    note="At the paper's scale its points are rows of Table I, and nothing is trained for it alone. Its four Swin "
    "Transformers are, at mini and smoke, ResNet-18 of base width 8, 16, 24 and 32. Each method has its own training "
    "parameters.",
    variations=tuple(
        Variation(
            f"{method}, {size}",
            {**design, **with_backbone(size), **(LARGE[method] if size == "large" else {})},
            provenance="inferred",
            reason="The caption of Figure III names methods and backbones; Table I has them with Swin-B and Swin-L "
            "trained on ImageNet-22K, the strongest of each size.",
            method=method,
            backbone=backbone,
        )
        for method, design in DESIGNS.items()
        for size, backbone in BACKBONES.items()
    ),
)
