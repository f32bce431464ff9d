import json

import numpy as np
import pytest
from PIL import Image

from ablations.store.record_writing import add_facts, write_running
from ablations.store.runs import create_run, open_store, write_sweep

ROW = "9z masked"


def leave(directory, cell):
    """Leave all that a training leaves beside its metrics; these."""
    metrics = {"PQ": 40.0 + cell.run.seed / 3, "fg_avg": 0.5}
    write_running(directory)
    add_facts(directory, environment={"processor": "A processor", "threads": 1}, git={"commit": "c" * 40})
    (directory / "timing.json").write_text(json.dumps({"seconds": {"train": 3.0, "total": 4.0}}))
    (directory / "history.json").write_text(json.dumps([{"iteration": 10, "metrics": metrics}]))
    (directory / "per_class.csv").write_text("class,segments,PQ\ndisk,12345678,41.23456789\nsand,3,\n")
    (directory / "per_image.csv").write_text("image,PQ\n007.123456,40.123456789\n")
    (directory / "parts.csv").write_text("image,class,IoU\n7,disk,0.98765432\n")
    parts = np.array([[[0.912345678, 0.0], [1.0, 16384.0]]], np.float32)
    np.savez_compressed(directory / "image_parts.npz", mIoU=parts)
    for start, (step, loss) in {"1": (50, 30.123456789), "2": (100, 20.5)}.items():
        (directory / start / "vis_data").mkdir(parents=True)
        (directory / start / "vis_data" / "scalars.json").write_text(json.dumps({"step": step, "loss": loss, "lr": 1}))
    (directory / "log.txt").write_text("a host's words\n")
    (directory / "iter_10.pth").write_bytes(b"weights")
    (directory / "samples").mkdir()
    for kind in ("image", "truth", "prediction"):
        Image.new("RGB", (4, 3), (cell.run.seed, len(kind), 0)).save(directory / "samples" / f"7_{kind}.png")
    return metrics


@pytest.fixture
def finished(tmp_path, plan):
    """Make a store of its own with finished runs of the study; ``change`` may leave other metrics."""
    from ablations.store.record_writing import write_done

    def make(name, change=lambda metrics: metrics, **choices):
        store, cells = open_store(tmp_path / name), plan(**choices)
        write_sweep(store, cells)
        for cell in cells:
            directory = create_run(store, cell.run, tmp_path / "a-lab's-own-place")
            write_done(directory, change(leave(directory, cell)))
        return store

    return make


@pytest.fixture
def content():
    """The content of every file below a directory by its name there."""
    return lambda directory: {
        str(path.relative_to(directory)): path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()
    }
