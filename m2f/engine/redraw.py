"""Pictures of any images of a data set, as a checkpoint's model segments them."""

import tempfile
from collections.abc import Collection
from pathlib import Path

from mmengine.config import Config

from m2f.data.images import names_by_path
from m2f.engine.evaluate import evaluation_runner, load_model
from m2f.engine.kept.samples import drawn_sample, predicted
from m2f.errors import InputError

LONGEST = 512  # pixels
# Looking at a run writes neither to its live view nor a log to the terminal of whoever looks.
UNSEEN = {"visualizer": {"type": "Visualizer", "vis_backends": []}, "log_level": "ERROR"}


def drawn_predictions(config: Config, checkpoint: Path, images: Collection[str]) -> dict[str, bytes]:
    """Draw images of the data set that a config evaluates on, with their ground truth and the model's predictions.

    Args:
        config: a whole config as in ``configs/``, data paths resolved.
        checkpoint: of a model with the config's parameters.
        images: ids, as text.

    Returns:
        PNGs by ``<image id>_image.png``, ``<image id>_truth.png``, ``<image id>_prediction.png`` and
        ``<image id>_errors.png``, see :mod:`m2f.engine.kept.error_pictures`, each at most ``LONGEST`` pixels long.

    Raises:
        InputError: the checkpoint or the data cannot be used, or the data set has no such image.
    """
    drawn: dict[str, bytes] = {}
    config = Config({**config.to_dict(), **UNSEEN}, filename=config.filename)
    with tempfile.TemporaryDirectory() as work_dir:
        runner = evaluation_runner(config, Path(work_dir))
        load_model(runner, checkpoint)
        dataset = runner.val_loop.dataloader.dataset
        places = {str(name): index for index, name in enumerate(names_by_path(dataset).values())}
        for image in images:
            if image not in places:
                raise InputError(f"The data set that {checkpoint.parent} was evaluated on has no image '{image}' now.")
            drawn |= drawn_sample(dataset, predicted(runner, places[image]), LONGEST, with_errors=True)
    return drawn
