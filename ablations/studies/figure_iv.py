"""Figure IV: convergence over training lengths with two augmentations."""

from ablations.studies.keys import TRAIN_PIPELINE, trained_for
from ablations.studies.study import Setting, Study, Variation

EPOCHS = (12, 25, 50, 100)
AUGMENTATIONS = {"standard augmentation": {TRAIN_PIPELINE: Setting("pipelines.standard")}, "LSJ": {}}

FIGURE_IV = Study(
    table="figIV",
    title="Convergence by training length and augmentation",
    baseline="50 epochs, LSJ",
    tasks=("panoptic", "instance"),
    note="Lengths are in proportion to the scale's own schedule, which stands for 50 epochs (mini: 600 iterations). "
    "The paper shows this as a plot, without numbers.",
    variations=tuple(
        Variation(
            f"{epochs} epochs, {name}",
            {**augmentation, **trained_for(epochs)},
            provenance="inferred",
            reason="Section C.1; standard augmentation is detectron2's, shorter sides of 480 to 800 pixels, and the "
            "learning rate falls at 0.9 and 0.95 of every schedule.",
        )
        for name, augmentation in AUGMENTATIONS.items()
        for epochs in EPOCHS
    ),
)
