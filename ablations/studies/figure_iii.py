"""Figure III: accuracy against FLOPs, MaskFormer and Mask2Former with four sizes of the backbone."""

from ablations.studies.keys import MASKFORMER, PIXEL_DECODER, with_backbone
from ablations.studies.study import Study, Variation

BACKBONES = {"tiny": "Swin-T", "small": "Swin-S", "base": "Swin-B", "large": "Swin-L"}
# With a Swin Transformer MaskFormer has no encoder layers in its FPN: Table I prints 42M parameters with Swin-T and 45M
# with the smaller R50.
DESIGNS = {"MaskFormer": {**MASKFORMER, PIXEL_DECODER: "FPN"}, "Mask2Former": {}}


FIGURE_III = Study(
    table="figIII",
    title="Accuracy against FLOPs",
    baseline="Mask2Former, small",
    tasks=("panoptic",),
    note="The paper's four Swin Transformers are, at mini and smoke, ResNet-18 of base width 8, 16, 24 and 32. Both "
    "methods are trained alike, with this paper's training parameters; the paper takes MaskFormer's from its authors.",
    variations=tuple(
        Variation(
            f"{method}, {size}",
            {**design, **with_backbone(size)},
            provenance="inferred",
            reason="Section C.4 and the caption of Figure III name methods and backbones; the parameters in Table I "
            "tell that MaskFormer's FPN is a plain one.",
            method=method,
            backbone=backbone,
        )
        for method, design in DESIGNS.items()
        for size, backbone in BACKBONES.items()
    ),
)
