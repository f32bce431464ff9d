"""``m2f data verify``: what it says, and how it ends."""

import json

import pytest
from click.testing import CliRunner

from ablations.cli import main
from m2f.data.scenes import SceneSpec, ensure_scenes


def test_scenes_are_generated_and_verified(call, tmp_path):
    root = tmp_path / "scenes"
    arguments = ["data", "scenes", "--out", root, "--split-sizes", "train2017=2,val2017=1", "--image-size", 64]
    assert call(*arguments).exit_code == 0
    assert len(list(root.glob("train2017/*.png"))) == 2
    result = call("data", "verify", root)
    assert (result.exit_code, result.output) == (0, f"{root} is whole.\n")


@pytest.mark.parametrize("sizes", ["train2017", "train2017=x", "=3", "train2017=0", ""])
def test_bad_split_sizes(complain, tmp_path, sizes):
    sentence = complain("data", "scenes", "--out", tmp_path / "scenes", "--split-sizes", sizes)
    assert sentence.startswith("--split-sizes must be NAME=N,...")
    assert list(tmp_path.iterdir()) == []


def test_verify_finds_damage_and_a_missing_directory(call, complain, tmp_path):
    root = tmp_path / "scenes"
    call("data", "scenes", "--out", root, "--split-sizes", "train2017=1,val2017=1", "--image-size", 64)
    annotations = root / "annotations" / "panoptic_val2017.json"
    annotations.write_text(annotations.read_text()[:100])
    (root / "train2017" / "000000000001.png").write_text("not a picture")
    result = call("data", "verify", root)
    assert result.exit_code == 2
    assert f"{root} has" in result.stderr
    assert str(annotations) in result.output
    assert "000000000001.png" in result.output
    assert "does not exist" in complain("data", "verify", tmp_path / "nowhere")


@pytest.fixture
def scenes(tmp_path):
    ensure_scenes(SceneSpec(image_size=64, splits={"val2017": 2}, seed=0), tmp_path / "scenes")
    (tmp_path / "scenes" / "manifest.json").unlink()
    return tmp_path / "scenes"


def verify(directory):
    return CliRunner().invoke(main, ["data", "verify", str(directory)])


def edit(scenes, change):
    path = scenes / "annotations" / "instances_val2017.json"
    content = json.loads(path.read_text())
    change(content["annotations"])
    path.write_text(json.dumps(content))


def test_whole(scenes):
    result = verify(scenes)
    assert (result.exit_code, result.output) == (0, f"{scenes} is whole.\n")


def test_what_is_made_up_for_is_a_note(scenes):
    edit(scenes, lambda objects: [own.pop("bbox") for own in objects])
    result = verify(scenes)
    assert result.exit_code == 0
    note, whole = result.stdout.splitlines()
    assert note.startswith("Note: ")
    assert "without the 'bbox' of its mask" in note
    assert whole == f"{scenes} is whole."


def test_problems_are_listed_and_counted(scenes):
    edit(scenes, lambda objects: [own.pop("segmentation") for own in objects[:2]])
    result = verify(scenes)
    assert result.exit_code == 2
    assert len(result.stdout.splitlines()) == 2
    assert result.stderr.startswith(f"Error: {scenes} has 2 problems, listed above; mend them")


def test_a_data_set_is_generated_prepared_and_verified(call, tmp_path):
    root = tmp_path / "ade"
    sizes = ["--split-sizes", "training=1,validation=1", "--image-size", 48]
    assert call("data", "scenes", "--out", root, "--layout", "ade20k", *sizes).exit_code == 0
    result = call("data", "prepare", "ADE20K", root)
    assert (result.exit_code, result.output) == (
        0,
        f"{root} has all that m2f reads; `m2f data verify {root}` looks through it.\n",
    )
    assert (root / "ade20k_instance_val.json").is_file()
    result = call("data", "verify", root)
    assert (result.exit_code, result.output) == (0, f"{root} is whole.\n")


def test_what_cannot_be_prepared_is_bad_input(complain, tmp_path):
    assert "fetch Mapillary Vistas" in complain("data", "prepare", "mapillary", tmp_path)
