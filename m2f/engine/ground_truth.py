"""Whether metrics have ground truth of the images that they are to judge."""

from typing import Any

from mmengine.runner import ValLoop

from m2f.data.images import image_id, names_by_path
from m2f.metrics.annotations import check_images


def check_ground_truth(loop: ValLoop) -> None:
    """Check, before anything is trained or evaluated, that metrics have ground truth of the images that a loop takes.

    Raises:
        InputError: one has not, or means other files by the same ids, or the data set has an image twice.
    """
    dataset = loop.dataloader.dataset
    infos: list[Any] = [dataset.get_data_info(index) for index in range(len(dataset))]
    names_by_path(dataset)  # an image that is there twice is told before hours are spent, not when tables are written
    for metric in loop.evaluator.metrics:
        truth, path_of = getattr(metric, "truth", None), getattr(metric, "path_of", None)
        if path_of is not None:  # ground truth of each image in a file of its own
            for info in infos:
                path_of(image_id(info))
        if truth is not None:
            images = truth["images"] if isinstance(truth, dict) else truth.images
            check_images(getattr(metric, "instances_json", None) or truth.path, images, infos)
