import csv
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import find_latest_checkpoint

from m2f.engine.evaluate import evaluate
from m2f.engine.kept.samples import SamplePictures, example, worst_images


def qualities(directory):
    with (directory / "per_image.csv").open(newline="") as file:
        return {row["image"]: float(row["PQ"]) for row in csv.DictReader(file)}


def test_pictures_of_the_first_images_and_of_the_worst(trained):
    drawn = {path.name.partition("_")[0] for path in (trained / "samples").glob("*_prediction.png")}
    by_quality = sorted(qualities(trained), key=lambda image: qualities(trained)[image])
    assert drawn == {"1", "2", "3", "4", *by_quality[:2]}
    for image in drawn:
        pictures = [
            cv2.imread(str(trained / f"samples/{image}_{kind}.png")) for kind in ("image", "truth", "prediction")
        ]
        assert [picture.shape for picture in pictures] == [(128, 128, 3)] * 3


def test_the_worst_are_drawn_as_the_evaluation_predicted_them(trained, smoke, tmp_path):
    """All images drawn as they come, beside the worst, which are predicted once more."""
    config = Config.fromfile(next(trained.glob("*.py")))
    worst = worst_of(trained)
    config.custom_hooks = [{"type": SamplePicturesOfAll}]
    evaluate(config, trained / find_latest_checkpoint(str(trained)), tmp_path)
    for image in worst:
        name = f"{image}_prediction.png"
        assert (tmp_path / "samples" / name).read_bytes() == (trained / "samples" / name).read_bytes()


def worst_of(directory):
    found = qualities(directory)
    return sorted(found, key=lambda image: found[image])[:2]


class SamplePicturesOfAll(SamplePictures):
    """Of an evaluation alone, which has no iterations, all images."""

    def __init__(self):
        super().__init__(count=100, worst=0)

    def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        runner._train_loop = {"type": "IterBasedTrainLoop", "max_iters": 0}
        super().after_val_iter(runner, batch_idx, data_batch, outputs)


class Known:
    """A metric that knows images."""

    def __init__(self, **columns):
        self.columns = {name: np.array(values) for name, values in columns.items()}

    def by_image(self):
        return self.columns


@pytest.fixture
def dataset():
    class Images(list):
        data_prefix = {}

        def get_data_info(self, index):
            return {"img_id": self[index], "img_path": f"{self[index]}.png"}

    return Images("abcd")


@pytest.mark.parametrize(
    ("metrics", "worst"),
    [
        ([Known(PQ=[3.0, 1.0, np.nan, 2.0])], [1, 3]),
        ([SimpleNamespace(), Known(), Known(AP=[0.0, 1.0, 0.0, 2.0]), Known(PQ=[3.0, 1.0, 2.0, 0.0])], [0, 2]),
        ([Known(PQ=[np.nan] * 4)], []),
        ([], []),
    ],
)
def test_the_worst_by_the_first_metric_that_knows_images(dataset, metrics, worst):
    assert worst_images(dataset, metrics, 2) == worst


def test_where_the_query_of_an_object_looks(smoke, trained, tmp_path):
    config = smoke(**{"model.type": "AttentionInspector"})
    steps = ("LoadImage", "LoadSegmentMap", "SplitSegments", "PackSample")
    config.val_dataloader.dataset.pipeline = [{"type": f"m2f.{step}"} for step in steps]
    config.val_evaluator = [{"type": "m2f.AttentionMass"}]
    evaluate(config, trained / find_latest_checkpoint(str(trained)), tmp_path)
    files = sorted((tmp_path / "attention").iterdir())
    assert [path.name for path in files] == ["1.npz", "2.npz", "3.npz", "4.npz"]
    for path in files:
        kept = dict(np.load(path))
        image = cv2.cvtColor(cv2.imread(str(trained / f"samples/{path.stem}_image.png")), cv2.COLOR_BGR2RGB)
        assert np.array_equal(kept["image"], image)
        assert 0 < kept["mask"].mean() <= 0.25 and kept["padded"].tolist() == [128, 128]
        for stride in (8, 16, 32):
            weights = kept[f"stride_{stride}"]
            assert weights.shape == (128 // stride, 128 // stride)
            assert weights.sum() == pytest.approx(1, abs=1e-5)


def test_the_example_is_the_largest_of_at_most_a_quarter():
    masks = torch.zeros(4, 8, 8, dtype=torch.bool)
    masks[0, :6] = masks[1, :2, :4] = masks[2, :4, :4] = masks[3, 0, 0] = True
    assert example(masks) == 2
    assert example(masks[:1]) is None
    assert example(masks[:0]) is None
