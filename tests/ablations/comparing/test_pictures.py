from pathlib import Path

import pandas as pd
import pytest

from ablations.comparing import pictures
from ablations.comparing.designs import Design, SideBySide
from ablations.comparing.pictures import drawn_images
from ablations.store.run_record import RunRecord
from m2f.errors import InputError


def side_by_side(*designs):
    nothing = pd.DataFrame()
    return SideBySide("panoptic", "mini", list(designs), nothing, nothing, nothing)


@pytest.fixture
def designs(run_directories):
    """Two designs, of which the first has seeds 1 and 2 and the second 2 and 3, all with checkpoints."""
    runs = {}
    for directory in run_directories(seeds=(1, 2, 3)):
        (directory / "iter_10.pth").write_text("weights")
        config = RunRecord(directory).config
        attention = config["model"]["transformer_decoder"]["cross_attention"]["type"]
        runs.setdefault(attention, {})[config["seed"]] = RunRecord(directory)
    first, second = runs["MaskedAttention"], runs["CrossAttention"]
    return side_by_side(
        Design("9z", "masked", {seed: first[seed] for seed in (1, 2)}),
        Design("9z", "plain", {seed: second[seed] for seed in (2, 3)}),
    )


def test_each_design_predicts_and_the_first_shows_image_and_truth(designs, monkeypatch, tmp_path):
    def draw(config, checkpoint, images):
        word = f"{config.model.transformer_decoder.cross_attention.type} {config.seed} {checkpoint.name}"
        assert config.val_dataloader.dataset.data_root == f"{tmp_path / 'data' / 'scenes' / 'tiny'}/"
        kinds = ("image", "truth", "prediction", "errors")
        return {f"{image}_{kind}.png": f"{word} {kind}".encode() for image in images for kind in kinds}

    monkeypatch.setattr(pictures, "drawn_predictions", draw)
    drawn, trouble = drawn_images(designs, ["7"])
    assert trouble == ""
    assert drawn == {
        "samples/0-7_image.png": b"MaskedAttention 2 iter_10.pth image",
        "samples/0-7_truth.png": b"MaskedAttention 2 iter_10.pth truth",
        "samples/0-7_prediction.png": b"MaskedAttention 2 iter_10.pth prediction",
        "samples/0-7_errors.png": b"MaskedAttention 2 iter_10.pth errors",
        "samples/1-7_prediction.png": b"CrossAttention 2 iter_10.pth prediction",
        "samples/1-7_errors.png": b"CrossAttention 2 iter_10.pth errors",
    }


def test_without_images_nothing_is_drawn(designs):
    assert drawn_images(designs, []) == ({}, "")


def test_designs_without_a_common_seed_are_not_drawn():
    apart = side_by_side(*(Design("4c", name, {seed: RunRecord(Path(name))}) for seed, name in enumerate("ab")))
    assert drawn_images(apart, ["7"]) == ({}, "the designs have no seed in common.")


def test_a_run_that_cannot_be_drawn_says_why(designs, monkeypatch):
    def draw(config, checkpoint, images):
        raise InputError("The data set has no image '7' now.")

    monkeypatch.setattr(pictures, "drawn_predictions", draw)
    assert drawn_images(designs, ["7"]) == ({}, "The data set has no image '7' now.")
    run = designs.designs[0].runs[2]
    (run.directory / "iter_10.pth").unlink()
    nothing, why = drawn_images(designs, ["7"])
    assert nothing == {} and why.startswith(f"{run.directory} has no checkpoint to evaluate")


def test_a_component_that_is_not_registered_is_not_built(designs):
    path = designs.designs[0].runs[2].directory / "config.py"
    path.write_text(path.read_text().replace("'MaskedAttention'", "'subprocess.call'"))
    nothing, why = drawn_images(designs, ["7"])
    assert nothing == {}
    assert why.startswith(
        f"{path}: 'model.transformer_decoder.cross_attention.type' is 'subprocess.call', which is not"
    )


def test_a_module_that_the_user_has_not_named_is_not_imported(designs):
    path = designs.designs[0].runs[2].directory / "config.py"
    path.write_text(path.read_text() + "\ncustom_imports = {'imports': ['a_strangers_module']}\n")
    nothing, why = drawn_images(designs, ["7"])
    assert nothing == {} and "--import a_strangers_module" in why
