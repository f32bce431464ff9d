"""``m2f train`` from a data set to the page: one short training, which is then known to be done."""

import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from m2f.data.scenes import SceneSpec, ensure_scenes

SHORT = ("--override", "train_cfg.max_iters=2", "--override", "train_cfg.val_interval=2")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A directory with a data set in COCO's layout."""
    directory = tmp_path_factory.mktemp("place")
    ensure_scenes(SceneSpec(image_size=64, splits={"train": 8, "val": 2}, seed=0), directory / "parts", workers=1)
    (directory / "parts" / "manifest.json").unlink()
    return directory


def test_a_data_set_is_trained_and_shown(place, run_script, tmp_path):
    script = Path(sys.executable).with_name("m2f")
    words = ("train", "parts", "--task", "instance", *SHORT, "--out", str(tmp_path / "page"))
    result = run_script(script, *words, directory=place)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Proposed for a CPU with " in result.stdout and "Written: parts/instance.py" in result.stdout
    assert "triangle" in result.stdout and "AP " in result.stdout
    page = (tmp_path / "page" / "index.html").read_text()
    assert "triangle" in page and page.count("<image id=") >= 4 and "https://" not in page
    checkpoint = re.search(r"Next: m2f predict (\S+)", result.stdout)[1]
    assert (place / checkpoint).is_file()
    again = run_script(script, *words, directory=place)
    assert "(already done: 1)" in again.stdout and "Proposed" not in again.stdout
    assert again.returncode == 0


def test_what_is_wrong_is_told_before_anything_is_trained(place, complain, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    root = shutil.copytree(place / "parts", tmp_path / "broken")
    (root / "instance.py").unlink(missing_ok=True)
    file = root / "annotations" / "instances_train.json"
    content = json.loads(file.read_text())
    (root / "train" / content["images"][0]["file_name"]).unlink()
    told = complain("train", root, "--task", "instance")
    assert told == f"{root} has 1 problem, listed above; mend them, then give the same command."
    assert not (tmp_path / "runs").exists()
    assert complain("train", tmp_path / "none").startswith(f"There is no {tmp_path / 'none'}; name a config")
    (tmp_path / "bare").mkdir()
    assert "is laid out in no way that is known" in complain("train", tmp_path / "bare")


def test_names_that_were_mended_since_are_told(place, call, complain, tmp_path, monkeypatch):
    """The config has the old ones, and would train and show classes under them."""
    monkeypatch.chdir(tmp_path)
    root = tmp_path / "data" / "fields"
    for split in ("train", "val"):
        shutil.copytree(place / "parts" / split, root / "images" / split)
        shutil.copytree(place / "parts" / "annotations" / f"semantic_{split}", root / "labels" / split)
    names = [f"class {label}" for label in range(10)]
    (root / "classes.txt").write_text("\n".join(names))
    assert call("data", "init", "data/fields").exit_code == 0
    (root / "classes.txt").write_text("\n".join([names[1], names[0], *names[2:]]))
    told = "Class 0 is 'class 1' in data/fields/classes.txt, but 'class 0' in the config; if the labels mean the same"
    assert complain("train", "data/fields").startswith(told)
    assert complain("eval", "fields/semantic.py", "weights.pth", "--data", "data/fields").startswith(told)
    assert not (tmp_path / "runs").exists()


def test_init_says_what_it_found(call, place, tmp_path):
    result = call("data", "init", place / "parts", "--out", tmp_path / "folder", "--task", "semantic")
    assert result.exit_code == 0, result.output
    assert "semantic segmentation, 10 classes; 8 images to train on, 2 to evaluate on." in result.stdout
    assert result.stdout.endswith(f"Next: m2f train {tmp_path / 'folder' / 'semantic.py'}\n")
