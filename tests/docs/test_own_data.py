"""``docs/own-data.md`` with a stranger's data set: scenes whose splits, classes and numbers are not m2f's."""

import json
import re
from pathlib import Path

import pytest
from forked import run_line

from m2f.data.scenes import SceneSpec, ensure_scenes

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "own-data.md").read_text()
WHOLE, VERIFY, STEPS, WEIGHTS, COMPARE = re.findall(r"^```bash\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
INIT, TRAIN = STEPS.split("\n", maxsplit=1)
SHORT = """
train_cfg = dict(max_iters=2, val_interval=2)
train_dataloader = dict(num_workers=0, persistent_workers=False)
val_dataloader = dict(num_workers=0, persistent_workers=False)
default_hooks = dict(checkpoint=dict(interval=2))
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A directory with the data set and the config that the document's command writes, its training shortened."""
    directory = tmp_path_factory.mktemp("own")
    data = directory / "data" / "parts"
    ensure_scenes(SceneSpec(image_size=64, splits={"train": 8, "val": 2}, seed=0), data)
    (data / "manifest.json").unlink()
    for path in (data / "annotations").glob("*.json"):
        content = json.loads(path.read_text())
        for category in content["categories"]:
            category["name"] = f"part {category['id']}"
        path.write_text(json.dumps(content))
    assert "Written: parts/panoptic.py" in run_line(INIT, directory)
    config = directory / "parts" / "panoptic.py"
    config.write_text(shortened(config.read_text()))
    return directory


def shortened(config):
    for line in SHORT.strip().splitlines():
        key, value = line.split(" = ")
        config += f"{key} = {{**{key}, **{value}}}\n" if f"\n{key} = " in config else f"{line}\n"
    return config


@pytest.fixture
def done(place):
    """Give a block of commands, line by line; what they print."""
    return lambda block: "".join(run_line(line, place) for line in block.splitlines())


def test_a_model_is_trained_and_evaluated(place, done):
    assert done(VERIFY) == "data/parts is whole.\n"
    said = done(TRAIN.replace("iter_300", "iter_2"))
    assert "Next: m2f predict runs/runs/" in said and "2 images segmented: panoptic, 10 classes." in said
    assert "part 4" in (place / "parts" / "panoptic-results" / "index.html").read_text()
    assert len(list((place / "parts-predicted" / "overlays").iterdir())) == 2
    content = json.loads((place / "parts-evaluation" / "metrics.json").read_text())
    assert {"PQ", "AP_pan_th", "mIoU_pan"} <= set(content["metrics"])
    classes = (place / "parts-evaluation" / "per_class.csv").read_text()
    assert "part 4" in classes
    assert "triangle" not in classes
    assert (place / "parts-evaluation" / "per_image.csv").is_file()


def test_the_shortest_way_and_the_one_from_weights_go_on_with_that_config(place, done):
    """The config is there and its run done, so that neither trains longer than the document's other steps."""
    assert "already done: 1" in done(WHOLE)
    (place / "model.pth").symlink_to(next(place.glob("runs/runs/*/iter_2.pth")))
    assert "1 training (already done: 0)" in done(WEIGHTS)
    [log] = [path for path in place.glob("runs/runs/*/log.txt") if "Beginning from" in path.read_text()]
    assert "tensors are taken over" in log.read_text() and "New, at" not in log.read_text()


def test_designs_are_compared_under_the_scales_own_name(place, done):
    done(COMPARE.replace(" --seeds 0,1,2", ""))
    text = (place / "report-parts" / "report.md").read_text()
    assert "## Scale: PARTS" in text and "as the configs in parts have them" in text
    assert "parts, evaluated on val" in text
    assert "m2f run 4e --scale parts --tasks panoptic" in text, "what is missing comes with a command that works"
    ours = [line for line in text.splitlines() if "on COCO" in line.split("the paper's on COCO")[0]]
    assert not ours, "COCO is the paper's data set alone"
    assert "`m2f run" not in text or "--scale mini" not in text
    page = (place / "parts-compared" / "index.html").read_text()
    assert "scale parts" in page and "not drawn" not in page
