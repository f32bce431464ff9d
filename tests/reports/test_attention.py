from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from ablations.reports.attention import attention, heat, outlined, share_on_object
from ablations.store.run_record import RunRecord
from ablations.studies import STUDIES
from m2f.metrics.attention_mass import foreground_mass

STUDY = STUDIES["Ib"]


def looks(seed, height=60, width=50, strides=(8, 16, 32)):
    """What a run keeps of an image of 60 x 50 pixels, padded to 64 x 64."""
    generator = np.random.default_rng(seed)
    maps = {f"stride_{stride}": generator.dirichlet(np.ones((64 // stride) ** 2)) for stride in strides}
    mask = np.zeros((height, width), bool)
    mask[10:30, 5:29] = True
    return {
        "image": generator.integers(0, 256, (height, width, 3), dtype=np.uint8),
        "mask": mask,
        "padded": np.array([64, 64]),
        **{name: own.reshape(64 // int(name[7:]), -1).astype(np.float32) for name, own in maps.items()},
    }


@pytest.fixture
def figure_ib(tmp_path):
    """A section of Figure I(b), whose designs looked at the same images, and its runs."""
    import pandas as pd

    names = [variation.name for variation in STUDY.variations]
    results = pd.DataFrame(
        [{"variant": name, "seed": seed, "run": f"{name} {seed}"} for seed in (1, 0) for name in names]
    )
    runs = {}
    for place, run in enumerate(results["run"]):
        directory = tmp_path / run
        (directory / "attention").mkdir(parents=True)
        for image in ("10", "2", *(["1"] if place % 2 else [])):
            np.savez(directory / "attention" / f"{image}.npz", **looks(place))
        runs[run] = RunRecord(directory)
    return SimpleNamespace(study=STUDY, scale="mini", scale_word="mini", results=results), runs


def test_a_figure_of_the_first_image_that_all_designs_have(figure_ib):
    section, runs = figure_ib
    (figure,), files = attention([section], runs)
    assert figure["columns"] == ["1/32", "1/16", "1/8"]
    assert [row["design"] for row in figure["rows"]] == ["cross-attention", "masked attention"]
    assert figure["note"].startswith("Image 2, first seed")
    named = [figure["image"], figure["truth"], *(name for row in figure["rows"] for name in row["pictures"])]
    assert set(named) == set(files) and len(files) == 8
    for name in named:
        picture = cv2.imdecode(np.frombuffer(files[name], np.uint8), cv2.IMREAD_COLOR)
        assert picture.shape == (384, 320, 3)


def test_shares_are_told_in_the_columns_order(figure_ib):
    section, runs = figure_ib
    (figure,), _ = attention([section], runs)
    own = looks(2)  # the first design with the first seed, which comes third
    shares = [f"{share_on_object(own, stride):.0%}" for stride in (32, 16, 8)]
    assert f"cross-attention {shares[0]}, {shares[1]} and {shares[2]};" in figure["note"]


@pytest.mark.parametrize("stride", [8, 16, 32])
def test_the_share_is_the_metrics(stride):
    own = looks(3)
    mask = torch.zeros(1, 64, 64, dtype=torch.bool)
    mask[0, :60, :50] = torch.from_numpy(own["mask"])
    expected = foreground_mass(torch.from_numpy(own[f"stride_{stride}"])[None], mask)
    assert share_on_object(own, stride) == pytest.approx(float(expected))


def test_heat_is_brightest_where_the_weight_is_largest():
    own = looks(4)
    own["stride_32"] = np.array([[0.1, 0.0], [0.2, 0.7]])
    drawn = heat(own, 32).astype(int).sum(axis=2)
    assert drawn.shape == (60, 50)
    assert drawn[32:, 32:].min() > drawn[32:, :32].max()
    below = (own["image"].mean(axis=2) * 0.35)[:32, 32:]
    assert np.abs(drawn[:32, 32:] / 3 - below).max() <= 1, "without weight the image itself is seen, dark"


def test_the_outline_surrounds_the_object():
    image = np.zeros((40, 40, 3), np.uint8)
    mask = np.zeros((40, 40), bool)
    mask[10:20, 10:30] = True
    rows, columns = np.nonzero(outlined(image, mask).any(axis=2))
    assert (rows.min(), rows.max()) == pytest.approx((96, 191), abs=2)
    assert (columns.min(), columns.max()) == pytest.approx((96, 287), abs=2)


def test_no_figure_without_a_common_image(figure_ib):
    section, runs = figure_ib
    for path in runs["masked attention 0"].directory.glob("attention/*"):
        path.unlink()
    assert attention([section], runs) == ([], {})
