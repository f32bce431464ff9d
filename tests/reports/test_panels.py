from dataclasses import replace
from types import SimpleNamespace

import pandas as pd
import pytest
from PIL import Image

from ablations.reports.panels import panel_rows, panels
from ablations.store.run_record import RunRecord
from ablations.studies import STUDIES

QUALITY = {"1": 50.0, "2": None, "3": 90.0, "10": 20.0, "11": 5.0}


def keep(directory, drawn, quality):
    """What a training keeps: pictures of some images, and the quality of all."""
    (directory / "samples").mkdir(parents=True)
    for image in drawn:
        for kind in ("image", "truth", "prediction"):
            picture = Image.new("RGB", (8, 6), (int(image), len(kind), 7))
            picture.save(directory / "samples" / f"{image}_{kind}.png")
    lines = [f"{image},{'' if value is None else value},1" for image, value in quality.items()]
    (directory / "per_image.csv").write_text("\n".join(["image,PQ,mIoU_pan", *lines]) + "\n")


@pytest.fixture
def directory(tmp_path):
    keep(tmp_path / "run", QUALITY, QUALITY)
    return tmp_path / "run"


def section(study, runs):
    results = pd.DataFrame(
        [
            {"variant": study.baseline, "task": "panoptic", "metric": "PQ", "seed": seed, "run": run}
            for seed, run in runs
        ]
    )
    return SimpleNamespace(study=study, scale="mini", scale_word="mini", results=results)


def test_the_worst_come_last_the_very_worst_at_the_end(directory):
    rows, files = panel_rows(RunRecord(directory), "PQ")
    assert [row["id"] for row in rows] == ["1", "2", "3", "10", "11"]
    assert [row["failure"] for row in rows] == [False, False, False, True, True]
    assert [row["value"] for row in rows] == ["PQ 50.0", "PQ \N{EM DASH}", "PQ 90.0", "PQ 20.0", "PQ 5.0"]
    assert {row[kind] for row in rows for kind in ("image", "truth", "prediction")} == set(files)


def test_an_image_among_the_first_may_be_the_worst(tmp_path):
    keep(tmp_path, ["1", "2", "3"], {"1": 0.0, "2": 30.0, "3": 20.0})
    rows, _ = panel_rows(RunRecord(tmp_path), "PQ")
    assert [(row["id"], row["failure"]) for row in rows] == [("2", False), ("3", True), ("1", True)]


def test_the_papers_design_with_its_first_seed_once_a_scale_and_task(directory):
    keep(directory.parent / "other", ["7"], {"7": 1.0})
    runs = {name: RunRecord(directory.parent / name) for name in ("run", "other")}
    (panel,), _ = panels(
        [section(STUDIES["4c"], [(3, "other"), (1, "run")]), section(STUDIES["4a"], [(0, "other")])], runs
    )
    assert (panel["label"], panel["task"], panel["design"]) == ("Figure V", "panoptic", "masked attention")
    assert len(panel["rows"]) == 5


def test_another_design_is_none_of_it(directory):
    runs = {"run": RunRecord(directory)}
    changed = replace(
        STUDIES["4c"], variations=tuple(replace(row, overrides={"a": 1}) for row in STUDIES["4c"].variations)
    )
    assert panels([section(changed, [(0, "run")]), section(STUDIES["Ib"], [(0, "run")])], runs) == ([], {})


def test_a_run_that_keeps_no_values_has_no_panel(directory):
    (directory / "per_image.csv").unlink()
    assert panels([section(STUDIES["4c"], [(0, "run")])], {"run": RunRecord(directory)}) == ([], {})
