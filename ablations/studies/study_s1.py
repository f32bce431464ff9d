"""S1: how hard must the mask be? From no mask to the paper's, one axis that later papers have single points of."""

from collections.abc import Mapping
from typing import Any

from ablations.studies.keys import ALL_TASKS, AS_FOLLOWERS, CROSS_ATTENTION, READS
from ablations.studies.study import Provenance, Study, Variation

THRESHOLD = "model.transformer_decoder.cross_attention.threshold"
TOGETHER = {READS: [[32, 16, 8]]}


def row(name: str, overrides: Mapping[str, Any], provenance: Provenance, reason: str) -> Variation:
    """A row that trains as the followers do."""
    return Variation(name, {**AS_FOLLOWERS, **overrides}, provenance=provenance, reason=reason)


def threshold(value: float, reason: str) -> Variation:
    """Masked attention with another threshold."""
    design = {CROSS_ATTENTION: "ThresholdedAttention", THRESHOLD: value}
    return row(f"threshold {value:g}", design, "inferred", reason)


STUDY_S1 = Study(
    table="S1",
    title="How hard must the mask be",
    baseline="masked attention",
    tasks=ALL_TASKS,
    note="After the paper. What others print of these designs they print for other models, and none prints two of them "
    "on one; docs/since-the-paper.md has their numbers. A mask that is empty lets its query look everywhere, and a "
    "stricter threshold empties more of them.",
    variations=(
        row("cross-attention", {CROSS_ATTENTION: "CrossAttention"}, "exact", "Table 4(c): no mask at all."),
        row(
            "annealed mask",
            {CROSS_ATTENTION: "AnnealedMaskedAttention"},
            "inferred",
            "EoMT's schedule, for nine layers by its rule for four; it was published for a plain ViT alone.",
        ),
        row(
            "probability",
            {CROSS_ATTENTION: "ProbabilityAttention"},
            "unspecified",
            "Unpublished: attention is weighted by the mask's own probability.",
        ),
        row(
            "learnt soft mask",
            {CROSS_ATTENTION: "LearntSoftMaskedAttention"},
            "inferred",
            "HODOR's formula and first values, near which a training as short as mini's stays; no gradient through the "
            "mask, as through none that steers.",
        ),
        threshold(0.05, "Looser than anyone has published."),
        threshold(
            0.15, "FASeg's threshold, alone: it also has twelve layers, one of them at 1/4, and another position."
        ),
        row("masked attention", {}, "exact", "The paper's own design: a threshold of 0.5."),
        threshold(0.85, "Stricter than anyone has published."),
        row(
            "mask's box, three scales together",
            {CROSS_ATTENTION: "MaskBoxAttention", **TOGETHER},
            "inferred",
            "Deformable DETR's cross-attention in Mask DINO, around the box of the query's own mask in place of a box "
            "that is learnt.",
        ),
        row(
            "masked attention, three scales together",
            TOGETHER,
            "exact",
            "Table 4(d)'s naive row: what the box's row is to be compared with.",
        ),
    ),
)
