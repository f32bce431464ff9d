"""S2: is the gain of the followers the attention, or the training? Four attentions, each with four ways to train."""

from ablations.studies.keys import (
    ALL_TASKS,
    AS_FOLLOWERS,
    COMPANIONS,
    CRITERION,
    CROSS_ATTENTION,
    QUERIES,
    READS,
)
from ablations.studies.study import Provenance, Study, Variation

TOGETHER = [[32, 16, 8]]
ITERATIONS = "model.transformer_decoder.cross_attention.iterations"
WITHOUT_POSITIONS: dict[str, object] = {"model.transformer_decoder.queries.with_positions": False}
PILOTS: dict[str, object] = {COMPANIONS: {"type": "MaskPilots"}}

# Overrides, provenance, and why, of the attentions and of what is done to train them.
ATTENTIONS: dict[str, tuple[dict[str, object], Provenance, str]] = {
    "masked attention": ({}, "exact", "The paper's own attention"),
    "k-means": (
        {CROSS_ATTENTION: "KMeansAttention"},
        "inferred",
        "kMaX-DeepLab's assignment and sum, with a layer norm for its batch norm and a sigmoid's masks",
    ),
    "prototypes": (
        {CROSS_ATTENTION: "PrototypeAttention"},
        "inferred",
        "PEM's formulas, with a layer norm for its batch norm, and its empty masks mended",
    ),
    "mask's box": (
        {CROSS_ATTENTION: "MaskBoxAttention", READS: TOGETHER},
        "inferred",
        "Mask DINO's deformable attention around the box of the query's own mask, which reads three scales together",
    ),
}
TRAININGS: dict[str, tuple[dict[str, object], Provenance, str]] = {
    "": ({}, "exact", "trained as in the paper"),
    "shared matching": (
        {CRITERION: "SharedMatchingCriterion"},
        "exact",
        "trained on the last layer's pairs in all layers, as kMaX-DeepLab is",
    ),
    "mask pilots": (
        PILOTS,
        "inferred",
        "trained with MP-Former's pilots; its queries have no positions, which is a row of its own",
    ),
    "selected queries": (
        {QUERIES: "SelectedQueries"},
        "inferred",
        "with Mask DINO's choice of queries, whose positions are cells in place of boxes",
    ),
}
AS_IN_THE_PAPER = "as in the paper"
BY_CERTAINTY: tuple[Provenance, ...] = ("exact", "inferred")


def crossed(attention: str, training: str) -> Variation:
    """The row of an attention and a way to train it."""
    own, certain, what = ATTENTIONS[attention]
    way, sure, how = TRAININGS[training]
    return Variation(
        ", ".join(filter(None, (attention, training))),
        {**AS_FOLLOWERS, **own, **way},
        provenance=max(certain, sure, key=BY_CERTAINTY.index),
        reason=f"{what}, {how}.",
        choices=(attention, training or AS_IN_THE_PAPER),
    )


STUDY_S2 = Study(
    table="S2",
    title="Attention or training",
    baseline="masked attention",
    tasks=ALL_TASKS,
    factors=("attention", "training"),
    note="After the paper. Mask DINO changed four things at once, kMaX-DeepLab six, MP-Former two: here each stands "
    "alone, and every attention with every training. The mask's box alone reads three scales together, which masked "
    "attention does in a row of its own. Quality-aware classes are trained to score the square of their masks' IoU, "
    "which few things bring to the 0.8 that a panoptic segment needs: PQ shows that, AP_pan^Th the masks themselves. "
    "docs/since-the-paper.md has their numbers.",
    variations=(
        *(crossed(attention, training) for attention in ATTENTIONS for training in TRAININGS),
        Variation(
            "masked attention, three scales together",
            {**AS_FOLLOWERS, READS: TOGETHER},
            reason="What the mask's box is to be compared with; Table 4(d)'s naive row.",
        ),
        Variation(
            "no query positions",
            {**AS_FOLLOWERS, **WITHOUT_POSITIONS},
            reason="What MP-Former changed besides its pilots.",
        ),
        Variation(
            "no query positions, mask pilots",
            {**AS_FOLLOWERS, **WITHOUT_POSITIONS, **PILOTS},
            provenance="inferred",
            reason="MP-Former as its code has it; without noise on masks, as its script, and without empty pilots.",
        ),
        Variation(
            "quality-aware classes",
            {**AS_FOLLOWERS, CRITERION: "QualityCriterion"},
            provenance="inferred",
            reason="Stable-DINO's target and matching, with a mask's IoU for a box's and a softmax over classes for "
            "its sigmoids.",
        ),
        *(
            Variation(
                f"softmax over queries, {times}",
                {**AS_FOLLOWERS, CROSS_ATTENTION: "QuerySoftmaxAttention", ITERATIONS: iterations},
                provenance="inferred",
                reason="ClustSeg's recurrent attention by notes on its paper, with slot attention's mean for its sum.",
            )
            for times, iterations in (("once", 1), ("three times", 3))
        ),
    ),
)
