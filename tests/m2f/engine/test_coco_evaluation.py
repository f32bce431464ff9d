"""Evaluation of any checkpoint on a data set in COCO's layout: against mmdet on real images, then on scenes."""

import csv
import json
import shutil
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from hotcoco.panoptic import PanopticEval
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from m2f.checkpoints import from_ours
from m2f.data.relocate import relocate
from m2f.engine.coco_evaluation import evaluate_on
from m2f.errors import InputError
from m2f.peers.mmdet_evaluation import evaluate_with_mmdet
from m2f.registry import DATASETS, MODELS

CONFIGS = Path(__file__).parents[3] / "configs"
REAL = Path(__file__).parents[4] / "shared" / "data" / "coco100"
IMAGES = 4
SMALL = {"criterion.num_points": 128, "panoptic": {"score": 0.05, "overlap": 0.3}}
"""Thresholds that let a model that has learned little find segments."""

needs_coco = pytest.mark.skipif(not REAL.is_dir(), reason="needs the 200 COCO images at ../shared/data/coco100")


def link_first_images(root):
    """A directory in COCO's layout of the first real images; the files are linked."""
    (root / "annotations").mkdir(parents=True)
    for name in ("val2017", "annotations/panoptic_val2017"):
        (root / name).symlink_to(REAL / name)
    for kind in ("panoptic", "instances"):
        content = json.loads((REAL / "annotations" / f"{kind}_val2017.json").read_text())
        content["images"] = sorted(content["images"], key=lambda image: image["id"])[:IMAGES]
        kept = {image["id"] for image in content["images"]}
        content["annotations"] = [entry for entry in content["annotations"] if entry["image_id"] in kept]
        (root / "annotations" / f"{kind}_val2017.json").write_text(json.dumps(content))
    return root


def coco_config(data):
    """The paper's panoptic config, its model and images small."""
    config = relocate(Config.fromfile(CONFIGS / "paper" / "panoptic.py"), data)
    small = Config.fromfile(CONFIGS / "mini" / "panoptic.py").model
    config.model = {**small, "num_things": 80, "num_stuff": 53}
    config.merge_from_dict({f"model.{key}": value for key, value in SMALL.items()})
    config.val_dataloader.update(num_workers=0, persistent_workers=False)
    config.val_dataloader.dataset.pipeline[1].scale = (160, 96)
    return config


def overfitted(config, iterations=50):
    """The state of a model that was trained for a few seconds on the images that it is evaluated on."""
    init_default_scope("m2f")
    torch.manual_seed(0)
    load, resize, pack = config.val_dataloader.dataset.pipeline
    steps = [load, {"type": "m2f.LoadSegmentMap"}, resize, {"type": "m2f.SplitSegments"}, pack]
    dataset = DATASETS.build({**config.val_dataloader.dataset, "pipeline": steps})
    model = MODELS.build(config.model).train()
    batch = model.data_preprocessor(pseudo_collate([dataset[index] for index in range(len(dataset))]))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(iterations):
        optimizer.zero_grad()
        model.loss(batch["inputs"], batch["data_samples"])["loss"].backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.1)
        optimizer.step()
    return model.state_dict()


@pytest.fixture(scope="module")
def coco(tmp_path_factory):
    """Directory with ``data``, ``config.py``, ``weights.pth`` and the ``evaluation`` of them."""
    root = tmp_path_factory.mktemp("coco")
    config = coco_config(link_first_images(root / "data"))
    dump(config, root / "config.py")
    torch.save({"state_dict": overfitted(config)}, root / "weights.pth")
    evaluate_on(root / "config.py", root / "weights.pth", root / "data", root / "evaluation")
    return root


def written_metrics(root):
    return json.loads((root / "evaluation" / "metrics.json").read_text())["metrics"]


@needs_coco
class TestOnCoco:
    def test_equals_mmdet(self, coco):
        ours = written_metrics(coco)
        state = torch.load(coco / "weights.pth")["state_dict"]
        theirs = evaluate_with_mmdet(Config.fromfile(coco / "config.py"), state, coco / "data", "val2017")
        assert theirs["PQ"] > 1
        assert theirs["AP"] > 0.1
        precision = {"AP_pan_th": theirs["AP"]}
        qualities = {name: value for name, value in theirs.items() if not name.startswith("AP")}
        assert {name: ours[name] for name in (*qualities, *precision)} == pytest.approx(qualities | precision, abs=0.01)

    def test_saved_segments_have_the_quality(self, coco):
        truth = coco / "data" / "annotations" / "panoptic_val2017.json"
        evaluation = PanopticEval(truth, coco / "evaluation" / "panoptic.json")
        evaluation.evaluate()
        assert 100 * evaluation.results()["All"]["pq"] == pytest.approx(written_metrics(coco)["PQ"])

    def test_saved_instances_have_the_precision(self, coco):
        truth = COCO(str(coco / "data" / "annotations" / "instances_val2017.json"))
        evaluation = COCOeval(truth, truth.loadRes(str(coco / "evaluation" / "instances.json")), "segm")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
        assert 100 * evaluation.stats[0] == pytest.approx(written_metrics(coco)["AP_pan_th"])

    def test_classes_average_to_the_metrics(self, coco):
        with (coco / "evaluation" / "per_class.csv").open() as file:
            rows = list(csv.DictReader(file))
        content = json.loads((coco / "data" / "annotations" / "panoptic_val2017.json").read_text())
        assert [row["class"] for row in rows] == [category["name"] for category in content["categories"]]
        parts = [part for entry in content["annotations"] for part in entry["segments_info"] if not part["iscrowd"]]
        assert sum(int(row["segments"]) for row in rows) == len(parts)
        for column, metric in {"PQ": "PQ", "AP_pan_th": "AP_pan_th", "IoU": "mIoU_pan"}.items():
            values = [float(row[column]) for row in rows if row[column]]
            assert 0 < len(values) < 133
            assert np.mean(values) == pytest.approx(written_metrics(coco)[metric])

    def test_weights_of_mmdet_give_the_same(self, coco, tmp_path):
        state = from_ours(torch.load(coco / "weights.pth")["state_dict"], "mmdet")
        torch.save({"state_dict": state}, tmp_path / "mmdet.pth")
        evaluation = evaluate_on(coco / "config.py", tmp_path / "mmdet.pth", coco / "data", tmp_path / "evaluation")
        assert evaluation.checkpoint_format == "mmdet"
        assert evaluation.metrics == written_metrics(coco)


def dump(config, path):
    """Write a config without laying it out nicely, which takes seconds."""
    Config(config.to_dict(), format_python_code=False).dump(path)


@pytest.fixture(scope="module")
def weights(smoke, tmp_path_factory):
    """``weights(task)``: a file of random weights of the smallest model, the same for the same task."""
    directory = tmp_path_factory.mktemp("weights")

    @cache
    def save(task):
        init_default_scope("m2f")
        torch.save({"state_dict": MODELS.build(smoke(task).model).state_dict()}, directory / f"{task}.pth")
        return directory / f"{task}.pth"

    return save


@pytest.fixture
def scenes(smoke, weights, tmp_path):
    """``scenes(task)``: a directory with ``config.py``, ``weights.pth`` and ``data``, a copy of the smallest scenes."""

    def make(task="panoptic", **overrides):
        config = smoke(task, **overrides)
        shutil.copytree(config.val_dataloader.dataset.data_root, tmp_path / "data")
        shutil.copy(weights(task), tmp_path / "weights.pth")
        dump(config, tmp_path / "config.py")
        return tmp_path

    return make


def evaluate_in(root, split=None, **changes):
    names = {"config_file": "config.py", "checkpoint": "weights.pth", "data": "data", "out": "evaluation", **changes}
    return evaluate_on(**{argument: root / name for argument, name in names.items()}, split=split)


@pytest.mark.parametrize(
    ("task", "files", "columns"),
    [
        ("panoptic", {"instances.json", "panoptic.json", "panoptic", "semantic"}, {"kind", "segments", "pixels"}),
        ("instance", {"instances.json"}, {"objects", "AP", "AP_boundary"}),
        ("semantic", {"semantic"}, {"pixels", "IoU"}),
    ],
)
def test_every_task_writes_its_files(scenes, task, files, columns):
    root = scenes(task)
    evaluation = evaluate_in(root)
    written = {path.name for path in (root / "evaluation").iterdir()}
    assert written == {"metrics.json", "per_class.csv", "per_image.csv", "log", *files}
    assert evaluation.images == 8
    assert len((root / "evaluation" / "per_image.csv").read_text().splitlines()) == 9
    header = (root / "evaluation" / "per_class.csv").read_text().partition("\n")[0].strip().split(",")
    assert {"class", *columns} <= set(header)
    assert evaluation.metrics
    for directory in {"panoptic", "semantic"} & files:
        assert len(list((root / "evaluation" / directory).iterdir())) == 8


def test_nothing_is_printed_and_everything_is_logged(scenes, capfd):
    root = scenes("semantic")
    evaluate_in(root)
    assert capfd.readouterr() == ("", "")
    assert "mIoU" in (root / "evaluation" / "log").read_text()


def test_another_split(scenes):
    root = scenes("instance")
    assert evaluate_in(root, "train2017").images == 32


def test_progress_counts_images(scenes):
    root, told = scenes("semantic"), []
    paths = [root / name for name in ("config.py", "weights.pth", "data", "evaluation")]
    evaluate_on(*paths, progress=lambda done, images: told.append((done, images)))
    assert told == [(0, 8), (4, 8), (8, 8)]


class TestBadInput:
    def refused(self, root, match, **arguments):
        before = sorted(path.name for path in root.iterdir())
        with pytest.raises(InputError, match=match):
            evaluate_in(root, **arguments)
        assert sorted(path.name for path in root.iterdir()) == before

    def test_an_evaluation_is_not_written_over(self, scenes):
        root = scenes()
        (root / "evaluation").mkdir()
        (root / "evaluation" / "metrics.json").write_text("mine")
        self.refused(root, "evaluation exists and is not written over")
        assert (root / "evaluation" / "metrics.json").read_text() == "mine"

    def test_a_place_that_cannot_be(self, scenes):
        self.refused(scenes(), "cannot be made", out="config.py/evaluation")

    def test_a_missing_config(self, scenes):
        self.refused(scenes(), "There is no config .*other.py", config_file="other.py")

    @pytest.mark.parametrize(
        ("text", "match"), [("model = ", "SyntaxError"), ("model = dict()", "it has no 'default_scope'")]
    )
    def test_a_config_that_is_none(self, scenes, text, match):
        root = scenes()
        (root / "config.py").write_text(text)
        self.refused(root, match)

    @pytest.mark.parametrize(
        ("code", "match"),
        [
            ("import os\nos.system('touch executed')", "cannot be read as a run's config"),
            (
                "model = {'type': 'subprocess.call', 'args': ['touch', 'executed']}\n",
                "'model.type' is 'subprocess.call'",
            ),
        ],
    )
    def test_a_stored_runs_config_runs_nothing(self, scenes, code, match, monkeypatch):
        root = scenes()
        monkeypatch.chdir(root)
        (root / "run.json").write_text("{}")
        values = Config.fromfile(root / "config.py").to_dict()
        kept = "\n".join(f"{key} = {value!r}" for key, value in values.items())
        (root / "config.py").write_text(f"{kept}\n{code}\n")
        self.refused(root, match)

    def test_a_config_that_does_not_say_where_its_data_are(self, scenes):
        root = scenes()
        kept = (root / "config.py").read_text()
        (root / "config.py").write_text(f"{kept}\nval_evaluator = dict(type='m2f.PanopticQuality')\n")
        self.refused(root, r"config.py does not say where its data are: at 'val_evaluator', expected `array`")

    def test_a_missing_checkpoint(self, scenes):
        self.refused(scenes(), "other.pth does not exist", checkpoint="other.pth")

    def test_a_missing_data_directory(self, scenes):
        self.refused(scenes(), "The data directory .*elsewhere does not exist", data="elsewhere")

    def test_a_missing_split(self, scenes):
        self.refused(scenes(), "panoptic_test2017.json does not exist", split="test2017")

    def test_missing_annotations(self, scenes):
        root = scenes()
        (root / "data" / "annotations" / "instances_val2017.json").unlink()
        self.refused(root, "instances_val2017.json does not exist")

    @pytest.mark.parametrize(
        ("task", "match"),
        [
            ("panoptic", "val2017/000000000003.png is missing"),
            ("instance", "val2017/000000000003.png is missing"),
            ("semantic", "The image of .*semantic_val2017/000000000003.png is missing"),
        ],
    )
    def test_a_missing_image(self, scenes, task, match):
        root = scenes(task)
        (root / "data" / "val2017" / "000000000003.png").unlink()
        self.refused(root, match)

    def test_a_missing_map(self, scenes):
        root = scenes("semantic")
        (root / "data" / "annotations" / "semantic_val2017" / "000000000003.png").unlink()
        self.refused(root, "semantic_val2017/000000000003.png is missing")

    def test_other_classes_than_the_models(self, scenes):
        self.refused(scenes(**{"model.num_things": 80}), "6 thing and 4 stuff classes")
