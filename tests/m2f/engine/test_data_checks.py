"""What goes into trainings and evaluations is checked before they start; what comes out of evaluations is true."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pycocotools.mask
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from ablations.planning.overrides import overriding
from m2f.checkpoints import convert
from m2f.checkpoints.architecture import BACKBONES, Architecture
from m2f.checkpoints.classes import read_classes
from m2f.data.semantic import SceneSemantic
from m2f.data.verify import verify
from m2f.engine.coco_evaluation import evaluate_on
from m2f.engine.evaluate import evaluation_runner, last_checkpoint, load_model
from m2f.engine.kept.samples import file_stem
from m2f.engine.train import train
from m2f.errors import InputError
from m2f.metrics.annotations import check_images
from m2f.metrics.panoptic_quality import quality_by_class
from m2f.peers.evaluation_programs import panopticapi_counts
from m2f.registry import MODELS

EVERY_SEGMENT = {"model.panoptic": {"score": 0.0, "overlap": 0.0}}
SPLIT = "val2017"
STATISTICS = ("AP", "AP50", "AP75", "AP_s", "AP_m", "AP_l")


def edit(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


@pytest.fixture
def data(smoke, tmp_path):
    """A copy of the smallest scenes to change, without checksums."""
    copy = shutil.copytree(smoke().val_dataloader.dataset.data_root, tmp_path / "data")
    for path in ("manifest.json", "annotations/panoptic_train2017_some_without_masks.json"):
        (copy / path).unlink(missing_ok=True)
    return copy


def at(config, data):
    """A config that trains and evaluates on this data."""
    text = json.dumps(config.to_dict()).replace(config.train_dataloader.dataset.dataset.data_root, f"{data}/")
    return Config(json.loads(text))


def reorder(content):
    categories = content["categories"]
    categories[2], categories[3] = categories[3], categories[2]


def rename(content):
    content["categories"][1]["name"] = "box"


class TestTraining:
    def refused(self, config, work_dir, match):
        with pytest.raises(InputError, match=match):
            train(config, work_dir)
        assert not [*work_dir.glob("*.pth"), *work_dir.glob("progress.json")]

    @pytest.mark.parametrize(("task", "kind"), [("panoptic", "panoptic"), ("instance", "instances")])
    @pytest.mark.parametrize(("change", "label"), [(reorder, 2), (rename, 1)])
    def test_other_classes_in_validation(self, smoke, data, tmp_path, task, kind, change, label):
        for each in ("panoptic", "instances"):
            edit(data / f"annotations/{each}_{SPLIT}.json", change)
        match = rf"Class {label} is '\w+' in the training data, but '\w+' in the validation data; list the same"
        self.refused(at(smoke(task), data), tmp_path / "run", match)

    @pytest.mark.parametrize("task", ["panoptic", "instance"])
    def test_a_class_fewer_in_validation(self, smoke, data, tmp_path, task):
        for each in ("panoptic", "instances"):
            edit(data / f"annotations/{each}_{SPLIT}.json", lambda content: content["categories"].pop(2))
            edit(data / f"annotations/{each}_{SPLIT}.json", without_category(4))
        self.refused(at(smoke(task), data), tmp_path / "run", "5 thing and . stuff classes")

    def test_wrong_annotations(self, smoke, data, tmp_path):
        edit(
            data / f"annotations/instances_{SPLIT}.json", lambda content: content["annotations"][0].pop("segmentation")
        )
        self.refused(at(smoke("panoptic"), data), tmp_path / "run", r"instances_val2017\.json: .* no 'segmentation'")

    def test_a_label_of_no_class(self, smoke, data, tmp_path):
        for path in (data / "annotations/semantic_train2017").iterdir():
            labels = np.array(Image.open(path))
            labels[0, 0] = 10
            Image.fromarray(labels).save(path)
        with pytest.raises(InputError, match=r"\.png has label 10, but there are 10 classes; void is 255"):
            train(at(smoke("semantic"), data), tmp_path / "run")
        assert not [*(tmp_path / "run").glob("*.pth")]

    def test_an_image_that_is_listed_twice(self, smoke, data, tmp_path):
        (data / "list.txt").write_text("000000000001\n000000000002\n000000000001\n")
        config = at(smoke("semantic"), data)
        config.val_dataloader.dataset.ann_file = "list.txt"
        self.refused(config, tmp_path / "run", r"/000000000001\.png twice; list it once")

    @pytest.mark.parametrize("task", ["panoptic", "instance", "semantic"])
    def test_checkpoints_have_the_names_of_the_classes(self, smoke, tmp_path, task):
        lengths = {"train_cfg": {"max_iters": 1, "val_interval": 2}, "default_hooks.checkpoint.interval": 1}
        config = smoke(task, **lengths, param_scheduler=[])
        config.train_dataloader.batch_size = 1
        config.val_dataloader.dataset.indices = 1
        train(config, tmp_path / "run")
        names = ("disk", "square", "triangle", "ring", "cross", "bar", "meadow", "water", "sand", "slate")
        assert read_classes(last_checkpoint(tmp_path / "run")) == (names[:6] if task == "instance" else names)


def without_category(number):
    """Leave out what is of a category."""

    def change(content):
        if "segments_info" not in content["annotations"][0]:
            content["annotations"] = [own for own in content["annotations"] if own["category_id"] != number]
        for annotation in content["annotations"]:
            parts = annotation.get("segments_info", [])
            annotation |= {"segments_info": [part for part in parts if part["category_id"] != number]} if parts else {}

    return change


@pytest.fixture(scope="session")
def weights(trained):
    return last_checkpoint(trained)


def evaluate_in(directory, smoke, weights, data, name="evaluation", **arguments):
    """Evaluate the trained model on data, with all the values that there are."""
    config = smoke(**EVERY_SEGMENT)
    config.val_evaluator[1].names = None
    config.val_evaluator[1].boundary = True
    Config(config.to_dict(), format_python_code=False).dump(directory / "config.py")
    return evaluate_on(directory / "config.py", weights, data, directory / name, **arguments)


@pytest.fixture
def evaluated(smoke, weights, data, tmp_path):
    """``evaluated(**arguments)``: evaluate the trained model on the changed data."""
    return lambda **arguments: evaluate_in(tmp_path, smoke, weights, data, **arguments)


@pytest.fixture(scope="module")
def sound(smoke, weights, tmp_path_factory):
    """The metrics on the data as they are."""
    root = smoke().val_dataloader.dataset.data_root
    return evaluate_in(tmp_path_factory.mktemp("sound"), smoke, weights, Path(root)).metrics


class TestClassesOfACheckpoint:
    @pytest.mark.parametrize(("change", "names"), [(reorder, ("triangle", "ring")), (rename, ("square", "box"))])
    def test_others_are_refused(self, evaluated, data, tmp_path, change, names):
        for kind in ("panoptic", "instances"):
            edit(data / f"annotations/{kind}_{SPLIT}.json", change)
        with pytest.raises(InputError, match=rf"is '{names[0]}' in .*\.pth, but '{names[1]}' .*--classes-from data"):
            evaluated()
        assert not (tmp_path / "evaluation").exists()

    def test_those_of_transformers_are_told_by_name_too(self, smoke, tmp_path):
        architecture = Architecture(BACKBONES[0], classes=10, queries=5, encoder_layers=1, decoder_layers=1)
        state = {name: torch.zeros_like(each, device="cpu") for name, each in architecture.tensors().items()}
        runner = evaluation_runner(smoke(), tmp_path)
        names = runner.val_loop.dataloader.dataset.metainfo["classes"]
        swapped = (names[1], names[0], *names[2:])
        torch.save({"state_dict": state, "meta": {"dataset_meta": {"classes": swapped}}}, tmp_path / "ours.pth")
        convert(tmp_path / "ours.pth", tmp_path / "theirs", target_format="transformers")
        with pytest.raises(InputError, match=rf"is '{names[1]}' in .*theirs, but '{names[0]}' .*--classes-from data"):
            load_model(runner, tmp_path / "theirs")
        with pytest.raises(InputError, match=r"theirs cannot be loaded: "):  # a larger model, its classes being taken
            load_model(runner, tmp_path / "theirs", classes_from="data")

    def test_renamed_ones_are_taken_by_place_if_asked(self, evaluated, data, sound):
        for kind in ("panoptic", "instances"):
            edit(data / f"annotations/{kind}_{SPLIT}.json", rename)
        after = evaluated(classes_from="data")
        assert after.metrics == sound
        assert after.classes[1]["class"] == "box"


def spoil_areas(value):
    def change(content):
        for annotation in content["annotations"]:
            for segment in annotation["segments_info"]:
                segment["area"] = value(segment["area"])

    return change


@pytest.mark.parametrize("value", [lambda area: area // 2, lambda area: "large"], ids=["half", "text"])
def test_areas_of_segments_are_measured(evaluated, data, sound, value):
    edit(data / f"annotations/panoptic_{SPLIT}.json", spoil_areas(value))
    assert evaluated().metrics == sound


def ids_by(number):
    def change(content):
        for index, annotation in enumerate(content["annotations"]):
            annotation["id"] = number(index)
            if annotation["id"] is None:
                del annotation["id"]

    return change


@pytest.mark.parametrize(
    "number",
    [lambda index: index % 3, lambda index: index if index % 3 else None, lambda index: f"object {index}"],
    ids=["from 0 in each image", "every third missing", "text"],
)
def test_ids_of_objects_change_no_number(evaluated, data, sound, number):
    edit(data / f"annotations/instances_{SPLIT}.json", ids_by(number))
    assert evaluated().metrics == sound
    assert sound["AP"] > 0


def move(data, place, identify=lambda number: number):
    """Give each image of the split another file and another id, in all that names them."""
    panoptic, instances = (data / f"annotations/{kind}_{SPLIT}.json" for kind in ("panoptic", "instances"))
    names = {image["id"]: image["file_name"] for image in json.loads(panoptic.read_text())["images"]}
    moved = {number: place(number) for number in names}
    for number, name in names.items():
        for old, new in (
            (data / SPLIT / name, data / SPLIT / moved[number]),
            (panoptic.with_suffix("") / name, panoptic.with_suffix("") / f"{moved[number]}.png"),
        ):
            new.parent.mkdir(parents=True, exist_ok=True)
            if new.suffix == old.suffix:
                old.rename(new)
            else:
                cv2.imwrite(str(new), cv2.imread(str(old)))
                old.unlink()

    def change(content):
        for image in content["images"]:
            image["file_name"], image["id"] = moved[image["id"]], identify(image["id"])
        for annotation in content["annotations"]:
            if "file_name" in annotation:
                annotation["file_name"] = f"{moved[annotation['image_id']]}.png"
            annotation["image_id"] = identify(annotation["image_id"])

    edit(panoptic, change)
    edit(instances, change)


def vary(content):
    """Make some objects polygons, some crowds with plain run lengths, and leave the others."""
    for index, annotation in enumerate(content["annotations"]):
        mask = pycocotools.mask.decode(annotation["segmentation"])
        if index % 3 == 0:
            contours = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)[0]
            polygons = [contour.ravel().tolist() for contour in contours if len(contour) > 2]
            annotation["segmentation"] = polygons or annotation["segmentation"]
        elif index % 7 == 1:
            flat = np.concatenate([[0], mask.ravel("F"), [2]]).astype(int)
            edges = np.flatnonzero(np.diff(flat)).tolist()
            runs = np.diff([0, *edges]).tolist() if flat[1] == 0 else [0, *np.diff([0, *edges[1:]]).tolist()]
            annotation.update(segmentation={"size": list(mask.shape), "counts": runs}, iscrowd=1)


PLACES = {
    "as they are": (lambda number: f"{number:012d}.png", lambda number: number),
    "equal names in two directories": (
        lambda number: f"{'ab'[number % 2]}/{(number + 1) // 2}.png",
        lambda number: number,
    ),
    "equal names but for the suffix": (
        lambda number: f"{(number + 1) // 2}.{('png', 'bmp')[number % 2]}",
        lambda number: f"image {number}",
    ),
    "ids of text": (lambda number: f"deep/{number % 3}/{number}.png", lambda number: f"stadt/{number:03d}"),
    "ids beyond 2^53": (lambda number: f"{number}.png", lambda number: 2**53 + number),
}


@pytest.mark.parametrize("case", PLACES)
def test_saved_predictions_give_the_printed_numbers(evaluated, data, sound, tmp_path, case):
    edit(data / f"annotations/instances_{SPLIT}.json", vary)
    move(data, *PLACES[case])
    assert verify(data) == []
    printed = evaluated().metrics
    unchanged = ("PQ", "SQ", "RQ", "PQ_th", "PQ_st", "mIoU_pan")
    assert {name: printed[name] for name in unchanged} == pytest.approx({name: sound[name] for name in unchanged})
    out = tmp_path / "evaluation"

    truth = COCO(str(data / f"annotations/instances_{SPLIT}.json"))
    detections = json.loads((out / "instances.json").read_text())
    evaluation = COCOeval(truth, truth.loadRes(detections), "segm")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    theirs = {name: 100 * value for name, value in zip(STATISTICS, evaluation.stats, strict=False) if value >= 0}
    assert theirs == pytest.approx({name: printed[name] for name in STATISTICS if name in printed}, abs=1e-9)
    assert printed["AP_s"] > 0

    panoptic = json.loads((data / f"annotations/panoptic_{SPLIT}.json").read_text())
    predicted = json.loads((out / "panoptic.json").read_text())["annotations"]
    by_image = {entry["image_id"]: entry for entry in predicted}
    files = {entry["file_name"] for entry in predicted}
    assert len(files) == len(list((out / "panoptic").rglob("*.png"))) == len(panoptic["images"])
    counts = panopticapi_counts(
        panoptic["annotations"],
        data / f"annotations/panoptic_{SPLIT}",
        [by_image[entry["image_id"]] for entry in panoptic["annotations"]],
        out / "panoptic",
        panoptic["categories"],
    )
    qualities, occurs = quality_by_class(counts)
    assert printed["PQ"] == pytest.approx(100 * qualities[0][occurs].mean(), abs=1e-9)
    assert printed["PQ"] > 0


def test_saved_semantic_maps_give_the_printed_number(smoke, data, tmp_path):
    """Two images of one name in two directories; the model is new."""
    for directory in (data / SPLIT, data / f"annotations/semantic_{SPLIT}"):
        for number in range(1, 9):
            new = directory / "ab"[number % 2] / f"{(number + 1) // 2}.png"
            new.parent.mkdir(exist_ok=True)
            (directory / f"{number:012d}.png").rename(new)
    config = smoke("semantic")
    init_default_scope("m2f")
    torch.save({"state_dict": MODELS.build(config.model).state_dict()}, tmp_path / "weights.pth")
    Config(config.to_dict(), format_python_code=False).dump(tmp_path / "config.py")
    printed = evaluate_on(tmp_path / "config.py", tmp_path / "weights.pth", data, tmp_path / "out").metrics
    confusion = np.zeros((10, 10))
    saved = sorted((tmp_path / "out/semantic").rglob("*.png"))
    assert [path.relative_to(tmp_path / "out/semantic").as_posix() for path in saved] == [
        f"{letter}/{number}.png" for letter in "ab" for number in range(1, 5)
    ]
    for path in saved:
        truth = np.array(
            Image.open(data / f"annotations/semantic_{SPLIT}" / path.relative_to(tmp_path / "out/semantic"))
        )
        known = truth != 255
        np.add.at(confusion, (truth[known], np.array(Image.open(path))[known]), 1)
    unions = confusion.sum(0) + confusion.sum(1) - confusion.diagonal()
    ious = confusion.diagonal()[unions > 0] / unions[unions > 0]
    assert printed["mIoU"] == pytest.approx(100 * ious.mean(), abs=1e-6)


def test_a_list_of_names_is_told_with_what_it_leaves_out(smoke, data, tmp_path):
    """As `m2f data init` writes it of a data set without splits, which has changed since; the model is new."""
    config = smoke("semantic")
    init_default_scope("m2f")
    torch.save({"state_dict": MODELS.build(config.model).state_dict()}, tmp_path / "weights.pth")
    prefix = {"img_path": f"{SPLIT}/", "seg_map_path": f"annotations/semantic_{SPLIT}/"}
    listed = {"ann_file": str(tmp_path / "val.txt"), "img_suffix": ".png", "seg_map_suffix": ".png"}
    own = {"type": "mmseg.BaseSegDataset", "metainfo": dict(SceneSemantic.METAINFO), "data_prefix": prefix, **listed}
    scenes = config.val_dataloader.dataset
    own |= {"data_root": scenes.data_root, "test_mode": True, "pipeline": scenes.pipeline}
    config = Config({**config.to_dict(), "val_dataloader": {**config.val_dataloader.to_dict(), "dataset": own}})
    Config(config.to_dict(), format_python_code=False).dump(tmp_path / "config.py")

    def evaluated(names, out, change=None):
        (tmp_path / "val.txt").write_text(names)
        return evaluate_on(tmp_path / "config.py", tmp_path / "weights.pth", data, tmp_path / out, change=change)

    held_out = evaluated("000000000001\n000000000002\n", "held_out")
    images = len(list((data / SPLIT).glob("*.png")))
    assert (held_out.images, held_out.listed_by, held_out.left_out) == (2, str(tmp_path / "val.txt"), images - 2)
    with pytest.raises(
        InputError, match=r"gone\.png is missing, of which .*val\.txt has the name: .*dataset\.ann_file=`"
    ):
        evaluated("gone\n", "none")
    whole = evaluated("gone\n", "whole", overriding(["val_dataloader.dataset.ann_file="], "config.py"))
    assert (whole.images, whole.listed_by, whole.left_out) == (images, "", 0)


class TestEvaluation:
    def refused(self, evaluated, tmp_path, match):
        with pytest.raises(InputError, match=match):
            evaluated()
        assert not (tmp_path / "evaluation").exists()

    def test_of_a_png_that_contradicts_its_annotation(self, evaluated, data, tmp_path):
        edit(
            data / f"annotations/panoptic_{SPLIT}.json",
            lambda content: content["annotations"][0]["segments_info"].pop(),
        )
        self.refused(evaluated, tmp_path, r"000000000001\.png has pixels of segment \d+, which its annotation does not")

    def test_of_an_image_that_is_cut_off(self, evaluated, data, tmp_path):
        path = data / SPLIT / "000000000002.png"
        path.write_bytes(path.read_bytes()[:-2000])
        self.refused(evaluated, tmp_path, r"000000000002\.png is not a whole image: it is cut off; fetch")

    def test_of_two_images_of_one_id(self, evaluated, data, tmp_path):
        for kind in ("panoptic", "instances"):
            edit(data / f"annotations/{kind}_{SPLIT}.json", lambda content: content["images"][1].update(id=1))
        self.refused(evaluated, tmp_path, r"panoptic_val2017\.json has two images with the id 1")


def test_names_of_sample_pictures_stay_below_their_directory():
    assert file_stem("../../etc/passwd") == "..-..-etc-passwd"
    assert file_stem(12) == "12"
    assert Path(f"{file_stem('a/b')}_image.png").name == "a-b_image.png"


def test_ground_truth_that_means_other_files_is_refused(tmp_path):
    """Segments and objects name the same images by the same ids, or AP is of other pictures."""
    images = [{"id": 1, "file_name": "1.jpg"}, {"id": 2, "file_name": "b/2.jpg"}]
    infos = [{"img_id": 1, "img_path": str(tmp_path / "val/1.jpg")}, {"img_id": 2, "img_path": "val/b/2.jpg"}]
    check_images(tmp_path / "instances.json", images, infos)
    turned = [{**image, "id": 3 - image["id"]} for image in images]
    with pytest.raises(InputError, match=r"Image 1 is b/2\.jpg in .*instances\.json, but .*1\.jpg in the data set"):
        check_images(tmp_path / "instances.json", turned, infos)
    with pytest.raises(InputError, match=r"instances\.json has no ground truth for image 2"):
        check_images(tmp_path / "instances.json", images[:1], infos)
