"""cityscapesScripts' evaluations, called as they are: what Cityscapes' metrics are compared with and timed beside."""

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from m2f.data.cityscapes_labels import LABEL_IDS
from m2f.extras import imported


def instance_evaluation() -> ModuleType:
    """Its evaluation of instances.

    Raises:
        InputError: it is not installed.
    """
    return imported("cityscapesscripts.evaluation.evalInstanceLevelSemanticLabeling", "bench")


def semantic_evaluation() -> ModuleType:
    """Its evaluation of semantic maps.

    Raises:
        InputError: it is not installed.
    """
    return imported("cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling", "bench")


def instance_precisions(
    predicted: Sequence[Path], truth: Sequence[Path], root: Path, cache: Path
) -> NDArray[np.float64]:
    """Its AP by class and threshold of the IoU, ``[8, 10]`` in [0, 1].

    Its files of matches and results, which no one asked for, are not written.

    Args:
        predicted: a text file an image, which names masks.
        truth: ``instanceIds`` of the same images.
        root: where the predictions lie, or below.
        cache: a new file for what it keeps of the ground truth.
    """
    scripts = instance_evaluation()
    args = scripts.args
    args.quiet, args.gtInstancesFile, args.predictionPath = True, str(cache), str(root.resolve())
    scripts.setInstanceLabels(args)
    names = [str(path) for path in truth]
    instances = scripts.getGtInstances(names, args)
    matches = scripts.matchGtWithPreds([str(path) for path in predicted], names, instances, args)
    return scripts.evaluateMatches(matches, args)[0]


def semantic_ious(predicted: Sequence[Path], truth: Sequence[Path]) -> NDArray[np.float64]:
    """Its IoU of each of the 19 classes in [0, 1], without its iIoU.

    Args:
        predicted: maps of ``labelIds``.
        truth: ``labelIds`` of the same images.
    """
    scripts = semantic_evaluation()
    args = scripts.args
    args.quiet, args.JSONOutput, args.evalInstLevelScore, args.evalPixelAccuracy = True, False, False, False
    found = scripts.evaluateImgLists([str(path) for path in predicted], [str(path) for path in truth], args)
    return np.array([found["classScores"][scripts.id2label[number].name] for number in LABEL_IDS])
