"""What a run keeps to be looked at: pictures of predictions, and where queries look."""

from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from mmdet.structures import DetDataSample
from mmengine.dataset import BaseDataset
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from numpy.typing import NDArray

from m2f.data.colours import panoptic_picture
from m2f.data.images import encode_png, names_by_path, read_image
from m2f.engine.hooks import batch_number
from m2f.engine.kept.error_pictures import error_picture
from m2f.engine.kept.names import ATTENTION, SAMPLES
from m2f.engine.kept.pictures import palette, predicted_segments, true_segments
from m2f.engine.kept.tables import image_rows
from m2f.engine.processes import gather_on_cpu
from m2f.files import write_atomically
from m2f.registry import HOOKS

LARGEST_SHARE = 0.25  # of the image that an object may cover to be an example of where its query looks


@HOOKS.register_module()
class SamplePictures(Hook):
    """After the last evaluation keep pictures in ``samples/``: image, ground truth and prediction of some images.

    They are the first of the data set, which all designs have in common, and this run's worst by the first metric's
    ``by_image``, its failures.

    Args:
        count: how many of the first.
        worst: how many of the worst.
        longest: longer side of a picture in pixels; larger ones are shrunk.
    """

    def __init__(self, count: int = 4, worst: int = 2, longest: int = 512) -> None:
        self.count = count
        self.worst = worst
        self.longest = longest
        self.drawn: dict[str, bytes] = {}

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Sequence[Any] | None = None
    ) -> None:
        """Draw the batch's images that are among the first."""
        if runner.iter < runner.max_iters or runner.val_loop is None:
            return
        for sample in first_samples(runner, batch_idx, outputs, self.count):
            self.drawn |= drawn_sample(runner.val_dataloader.dataset, sample, self.longest)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Write what all processes have drawn, and the worst."""
        if runner.iter < runner.max_iters:
            return
        drawn, self.drawn = gathered(self.drawn), {}
        if is_main_process():
            dataset = runner.val_dataloader.dataset
            for index in worst_images(dataset, runner.val_evaluator.metrics, self.worst):
                drawn |= drawn_sample(dataset, predicted(runner, index), self.longest)
        write_files(Path(runner.work_dir) / SAMPLES, drawn)


def first_samples(runner: Runner, batch_idx: int, outputs: Sequence[Any] | None, count: int) -> list[DetDataSample]:
    """Of a batch's predictions, those of the data set's first ``count`` images."""
    first = batch_number(batch_idx) * (runner.val_dataloader.batch_size or 1)
    return list(outputs or [])[: max(count - first, 0)]


def gathered(files: dict[str, bytes]) -> dict[str, bytes]:
    """The files by name of all processes, in the main one."""
    return {name: content for own in gather_on_cpu(files) for name, content in own.items()}


def write_files(directory: Path, files: Mapping[str, bytes]) -> None:
    """Write files by name."""
    for name, content in files.items():
        directory.mkdir(exist_ok=True)
        write_atomically(directory / name, content)


def drawn_sample(
    dataset: BaseDataset, sample: DetDataSample, longest: int, with_errors: bool = False
) -> dict[str, bytes]:
    """PNGs of a sample's image, ground truth and prediction by file name, and of where the prediction is wrong."""
    image = cv2.cvtColor(read_image(sample.img_path), cv2.COLOR_BGR2RGB)
    truth, prediction, colours = true_segments(dataset, sample), predicted_segments(sample), palette(dataset)
    pictures = {
        "image": image,
        "truth": panoptic_picture(*truth, colours),
        "prediction": panoptic_picture(*prediction, colours),
    }
    if with_errors:
        pictures["errors"] = error_picture(image, truth, prediction, task_of(sample))
    stem = file_stem(names_by_path(dataset)[sample.img_path])
    return {f"{stem}_{name}.png": shrunk_png(picture, longest) for name, picture in pictures.items()}


def task_of(sample: DetDataSample) -> str:
    """The task that a sample was predicted for."""
    if "pred_panoptic_seg" in sample:
        return "panoptic"
    return "instance" if "pred_instances" in sample else "semantic"


def shrunk_png(picture: NDArray[Any], longest: int) -> bytes:
    """A picture as PNG, its longer side at most ``longest`` pixels."""
    scale = min(1.0, longest / max(picture.shape[:2]))
    shrunk = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return encode_png(shrunk.astype(np.uint8), compression=6)


def file_stem(image: int | str) -> str:
    """An image's name in tables as it may begin a file's: it may hold slashes."""
    return str(image).replace("/", "-")


def worst_images(dataset: BaseDataset, metrics: Iterable[Any], count: int) -> list[int]:
    """Places in the data set of the images with the lowest quality by the first metric that knows it, worst first."""
    for metric in metrics:
        rows = image_rows(dataset, [metric])
        names = [name for name in rows[0] if name != "image"]
        known = [index for index, row in enumerate(rows) if names and names[0] in row]
        if known:
            return sorted(known, key=lambda index: rows[index][names[0]])[:count]
    return []


@torch.no_grad()
def predicted(runner: Runner, index: int) -> DetDataSample:
    """The model's prediction for one image of the data set that it is evaluated on."""
    loader = runner.val_dataloader
    runner.model.eval()
    return runner.model.val_step(loader.collate_fn([loader.dataset[index]]))[0]


@HOOKS.register_module()
class AttentionSamples(Hook):
    """Keep in ``attention/`` where the query of one object looks, in each of the first images.

    The object is the largest that covers at most a quarter of the image. ``<image id>.npz`` holds ``image``
    ``[h, w, 3]`` (RGB) as the model gets it, the object's ``mask`` ``[h, w]``, ``padded``, the height and width that
    the attention covers, and by stride its weights ``[H', W']`` as ``stride_8``, ...

    Args:
        count: how many images.
    """

    def __init__(self, count: int = 4) -> None:
        self.count = count
        self.kept: dict[str, bytes] = {}

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Sequence[Any] | None = None
    ) -> None:
        """Keep the batch's images that are among the first and whose attention was looked at."""
        samples = first_samples(runner, batch_idx, outputs, self.count)
        names = names_by_path(runner.val_dataloader.dataset) if samples else {}
        for image, sample in zip(data_batch["inputs"] if samples else [], samples, strict=False):
            height, width = image.shape[1:]
            if "attention_maps" not in sample:
                continue
            if (place := example(sample.attended_masks[:, :height, :width])) is not None:
                self.kept[f"{file_stem(names[sample.img_path])}.npz"] = packed(image, sample, place)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Write what all processes have kept."""
        kept, self.kept = gathered(self.kept), {}
        write_files(Path(runner.work_dir) / ATTENTION, kept)


def example(masks: torch.Tensor) -> int | None:
    """Which of the objects' masks ``[n, H, W]`` is the largest that covers at most a quarter of the image."""
    shares = masks.float().mean(dim=(1, 2))
    fitting = shares.where(shares <= LARGEST_SHARE, 0)
    return int(fitting.argmax()) if fitting.any() else None


def packed(image: torch.Tensor, sample: DetDataSample, place: int) -> bytes:
    """An ``.npz`` of an image ``[3, h, w]`` (BGR) and the attention of one of its matched queries."""
    mask = sample.attended_masks[place]
    height, width = image.shape[1:]
    maps = {f"stride_{stride}": weights[place].cpu().numpy() for stride, weights in sample.attention_maps.items()}
    stream = BytesIO()
    np.savez_compressed(
        stream,
        image=image.flip(0).permute(1, 2, 0).cpu().numpy(),
        mask=mask[:height, :width].cpu().numpy(),
        padded=np.array(mask.shape),
        **maps,
    )
    return stream.getvalue()
