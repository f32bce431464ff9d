"""Images without ground truth, as test servers take predictions for them."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine import Config
from mmengine.dataset import BaseDataset

from m2f.data.annotations import class_metainfo
from m2f.data.cityscapes_labels import LABEL_IDS, THINGS
from m2f.data.classes import things_of
from m2f.data.layout import read_categories
from m2f.errors import InputError
from m2f.openmmlab import ADE20KDataset, CityscapesDataset
from m2f.registry import DATASETS

COCO_IMAGES = "annotations/image_info_test-dev2017.json"
CITYSCAPES_SUFFIX = "_leftImg8bit.png"
TRUTH_STEPS = (
    *("LoadSegmentMap", "LoadSemanticMap", "LoadAnnotations"),
    *("SplitSegments", "SplitClasses", "LabelSegments", "CollectInstances"),
)
"""Steps of a pipeline that a data set without ground truth has no use for."""


@dataclass(frozen=True)
class Server:
    """What a test server judges.

    Attributes:
        task: of the model.
        images: directories below that of the data set where its images may lie; the first that is there counts.
        list_images: gives id and path, and perhaps size, of each image, from the data set's directory and the images'.
        categories: gives the categories as in COCO's layout, in the order of the labels, from the data set's directory.
    """

    task: str
    images: Sequence[str]
    list_images: Callable[[Path, Path], list[dict[str, Any]]]
    categories: Callable[[Path], list[dict[str, Any]]]


@DATASETS.register_module()
class UnannotatedImages(BaseDataset):
    """The images that a test server judges.

    Args:
        server: its name in :data:`SERVERS`.
        data_root: directory of the data set.
        kwargs: mmengine's.

    Raises:
        InputError: there are none, or the file that lists them or their classes cannot be used.
    """

    def __init__(self, server: str, data_root: str, **kwargs: Any) -> None:
        self.server = SERVERS[server]
        super().__init__(
            data_root=data_root,
            data_prefix={"img": found_directory(Path(data_root), self.server.images)},
            test_mode=True,
            **kwargs,
        )

    def load_data_list(self) -> list[dict[str, Any]]:
        """One entry per image."""
        root = Path(self.data_root)
        categories = self.server.categories(root)
        metainfo = class_metainfo(categories)
        if self.server.task == "semantic":
            metainfo = {"classes": metainfo["classes"], "palette": metainfo["palette"]}
        self._metainfo.update(metainfo)
        self.cat2label = {category["id"]: label for label, category in enumerate(categories)}
        images = self.server.list_images(root, Path(self.data_prefix["img"]))
        if not images:
            raise InputError(f"{self.data_prefix['img']} has no image to predict; fetch the test images.")
        return images


def found_directory(root: Path, names: Sequence[str]) -> str:
    """Which of the directories below ``root`` is there.

    Raises:
        InputError: none is.
    """
    for name in names:
        if (root / name).is_dir():
            return name
    raise InputError(f"{root / names[0]} does not exist; --data must name the data set, with its test images.")


def coco_images(root: Path, directory: Path) -> list[dict[str, Any]]:
    """The images of test-dev."""
    path = root / COCO_IMAGES
    try:
        images = json.loads(path.read_bytes())["images"]
        return [
            {
                "img_id": image["id"],
                "img_path": str(directory / image["file_name"]),
                "height": image["height"],
                "width": image["width"],
            }
            for image in images
        ]
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}); fetch COCO's 'Testing Image info' of 2017."
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is no list of images in COCO's layout; fetch it again.") from error


def coco_categories(file: str) -> Callable[[Path], list[dict[str, Any]]]:
    """The categories of a file of COCO's."""

    def read(root: Path) -> list[dict[str, Any]]:
        path = root / file
        if not path.is_file():
            raise InputError(f"{path} does not exist; it says what the classes are: fetch it.")
        return read_categories(path)

    return read


def ade20k_images(root: Path, directory: Path) -> list[dict[str, Any]]:
    """The images of ADE20K's test set."""
    return [{"img_id": path.stem, "img_path": str(path)} for path in sorted(directory.glob("*.jpg"))]


def ade20k_categories(root: Path) -> list[dict[str, Any]]:
    """The 150 classes, from 1."""
    return [{"id": number, "name": name} for number, name in enumerate(ADE20KDataset.METAINFO["classes"], start=1)]


def cityscapes_images(root: Path, directory: Path) -> list[dict[str, Any]]:
    """The images of all cities."""
    return [
        {"img_id": path.name.removesuffix(CITYSCAPES_SUFFIX), "img_path": str(path)}
        for path in sorted(directory.glob(f"*/*{CITYSCAPES_SUFFIX}"))
    ]


def cityscapes_categories(root: Path) -> list[dict[str, Any]]:
    """The 19 classes by their ``labelIds``."""
    names = zip(LABEL_IDS, CityscapesDataset.METAINFO["classes"], strict=True)
    return [{"id": number, "name": name, "isthing": int(name in THINGS)} for number, name in names]


def cityscapes_things(root: Path) -> list[dict[str, Any]]:
    """The 8 classes that have instances."""
    return things_of(cityscapes_categories(root))


COCO = (("test2017",), coco_images)
ADE20K = (("images/testing", "testing", "release_test/testing"), ade20k_images)
CITYSCAPES = (("leftImg8bit/test",), cityscapes_images)
SERVERS = {
    "coco-panoptic": Server("panoptic", *COCO, coco_categories("annotations/panoptic_val2017.json")),
    "coco-instance": Server("instance", *COCO, coco_categories(COCO_IMAGES)),
    "ade20k": Server("semantic", *ADE20K, ade20k_categories),
    "cityscapes-semantic": Server("semantic", *CITYSCAPES, cityscapes_categories),
    "cityscapes-instance": Server("instance", *CITYSCAPES, cityscapes_things),
    "cityscapes-panoptic": Server("panoptic", *CITYSCAPES, cityscapes_categories),
}


def on_test_images(config: Config, data: Path, server: str) -> Config:
    """A copy of a config that predicts for a test server's images, and has no metric.

    Args:
        config: a whole config as in ``configs/``.
        data: the data set's directory.
        server: a name of :data:`SERVERS`.

    Raises:
        InputError: the config is of another task, or the directory does not exist.
    """
    task = SERVERS[server].task
    if config.get("task") != task:
        raise InputError(
            f"--submission {server} is of {task} models, but the config says task = '{config.get('task')}'; "
            "name another of them."
        )
    if not data.is_dir():
        raise InputError(f"The data directory {data} does not exist; name that of the data set with --data.")
    config = Config(config.to_dict(), filename=config.filename)
    dataset = config.val_dataloader.dataset
    pipeline = [step for step in dataset.pipeline if str(step["type"]).rpartition(".")[2] not in TRUTH_STEPS]
    config.val_dataloader.dataset = {
        "type": "m2f.UnannotatedImages",
        "server": server,
        "data_root": str(data),
        "pipeline": pipeline,
    }
    config.val_evaluator = []
    config.split = "test"
    return config
