import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from ablations.store.results_frame import read_results
from ablations.store.runs import open_store
from ablations.studies import STUDIES
from ablations.studies.study import Variation
from m2f.errors import InputError
from reports.build import build


@pytest.fixture(scope="module", autouse=True)
def study(section):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(STUDIES, "4c", section.study)
        yield


@pytest.fixture(scope="module")
def built(study, store, tmp_path_factory):
    return build(store, [], tmp_path_factory.mktemp("out"))


def test_writes_every_format_and_vector_figures(built):
    assert {name: path.name for name, path in built.items()} == {
        "pdf": "report.pdf",
        "html": "report.html",
        "markdown": "report.md",
        "results": "results.csv",
        "comparison": "comparison.csv",
        "costs": "costs.csv",
        "latex": "tables",
    }
    out = built["pdf"].parent
    figures = {path.name for path in (out / "figures").iterdir()}
    assert figures == {
        f"4c-mini-panoptic-{kind}.{suffix}" for kind in ("differences", "convergence") for suffix in ("svg", "pdf")
    }
    linked = re.findall(r"\]\((figures/[^)]+)\)", built["markdown"].read_text())
    assert len(linked) == 2 and all((out / name).is_file() for name in linked)


def test_csv_files_read_back_as_the_frames(built, store):
    results = pd.read_csv(built["results"], dtype={"table": str})
    pd.testing.assert_frame_equal(results, read_results(store).frame, check_dtype=False)
    comparison = pd.read_csv(built["comparison"], dtype={"table": str})
    panoptic = comparison[comparison["task"] == "panoptic"].set_index("variant")
    assert panoptic.loc["masked attention", "ours"] == pytest.approx((57.8 + 57.1 + 58.9) / 3)
    assert panoptic.loc["<b>x</b> $ _ #", "paper"] == 47.2
    # Differences -8.3, -9.0, -8.7 against the paper's -4.8; -7.8, 1.3, -4.9 reach zero.
    assert panoptic["verdict"].tolist() == ["reproduced", "inconclusive", "baseline"]


def test_first_page_says_where_the_numbers_come_from(built):
    head = built["markdown"].read_text().split("## Verdicts")[0]
    for words in ("generated scenes", "f" * 16, "0, 1 and 2", "Python 3.11.7, torch 2.13.0", "A processor, 2 cores"):
        assert words in head
    assert "cccccccccccc (with uncommitted changes)" in head and "1 for each run" in head and "mmcv" not in head


def test_settings_changed_by_the_user_are_named(built):
    assert "Run with changed settings:** train\\_cfg.max\\_iters=1000." in built["markdown"].read_text()


def test_a_copied_store_gives_the_same_bytes(built, store, tmp_path):
    shutil.copytree(store, tmp_path / "copy")
    build(tmp_path / "copy", [], tmp_path / "out")
    first, second = files_under(built["pdf"].parent), files_under(tmp_path / "out")
    assert {Path(name).suffix for name in first} == {".pdf", ".html", ".md", ".csv", ".tex", ".svg"}
    assert first.keys() == second.keys()
    for name, data in first.items():
        assert second[name] == data, name


def files_under(directory):
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_nothing_to_report(tmp_path, store):
    with pytest.raises(InputError, match=r"no finished run to report; `m2f run 4c --scale mini --store"):
        build(open_store(tmp_path / "empty"), ["4c"], tmp_path / "out")
    with pytest.raises(InputError, match="There is no store"):
        build(tmp_path / "nowhere", [], tmp_path / "out")
    with pytest.raises(InputError, match="Unknown table '99'"):
        build(store, ["99"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_damaged_run_is_named_and_left_out(store, tmp_path):
    shutil.copytree(store, tmp_path / "copy")
    damaged = next((tmp_path / "copy" / "runs").iterdir()) / "history.json"
    damaged.write_text('[{"iteration": 5')
    said = []
    text = build(tmp_path / "copy", [], tmp_path / "out", say=said.append)["markdown"].read_text()
    (sentence,) = said
    assert sentence.startswith(f"Left out: {damaged} cannot be used (")
    assert sentence.endswith("remove its run directory and give the `m2f run` that made it again.")
    assert "### Damaged runs, left out" in text and damaged.parent.name in text
    assert len(read_results(tmp_path / "copy").runs) == len(read_results(store).runs) - 1


def test_an_output_that_cannot_be_written_is_named(store, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match=r"file.report.pdf cannot be written .*--out"):
        build(store, [], tmp_path / "file")


def test_missing_seeds_are_named_with_their_command(store, tmp_path):
    shutil.copytree(store, tmp_path / "copy")
    runs = read_results(store).frame
    lost = runs.loc[(runs["variant"] == "cross-attention") & (runs["seed"] == 2), "run"].iloc[0]
    state = tmp_path / "copy" / "runs" / lost / "state.json"
    state.write_text(json.dumps({**json.loads(state.read_text()), "state": "failed"}))
    text = build(tmp_path / "copy", [], tmp_path / "out")["markdown"].read_text()
    command = "m2f run 4c --scale mini --tasks panoptic --seeds 0,1,2 --override train_cfg.max_iters=1000"
    assert f"In the panoptic task, cross-attention lacks seed 2: `{command}`" in text


def test_without_tables_the_whole_paper_is_asked_for(built):
    text = built["markdown"].read_text()
    assert "| Table 1: Panoptic segmentation | paper | `m2f run 1 --scale paper` |" in text
    assert "| Figure II: Panoptic quality after each decoder layer |" in text
    for figure in (
        "Figure I(a): Where a query looks",
        "Figure V: Predictions, panoptic",
        "Figure VII: Predictions, semantic",
    ):
        assert f"| {figure} | mini | `m2f run " in text
    assert text.count("| `m2f run ") == len(STUDIES) - 2 + 4, "all but 4(c) and `baseline`; Figures I(a) and V to VII"


def test_named_tables_are_the_whole_report(store, tmp_path):
    text = build(store, ["4c", "4d"], tmp_path)["markdown"].read_text()
    assert "| Table 4(d): " in text and "Table 4(e)" not in text


def test_commands_name_the_store_that_the_user_named(store, tmp_path):
    text = build(store, ["4c", "4d"], tmp_path, name_store=True)["markdown"].read_text()
    commands = re.findall(r"`(m2f run [^`]+)`", text)
    assert len(commands) == 2 and all(command.endswith(f" --store {store}") for command in commands)


def test_commands_import_a_user_s_modules(section, store, tmp_path, monkeypatch):
    rows = (*section.study.variations, Variation("mine", {"a": 1}, provenance="own", imports=("my_rows",)))
    monkeypatch.setitem(STUDIES, "4c", replace(section.study, variations=rows))
    text = build(store, ["4c"], tmp_path)["markdown"].read_text()
    commands = re.findall(r"`(m2f run [^`]+)`", text)
    assert len(commands) == 2 and all(command.endswith(" --import my_rows") for command in commands)


def test_captions_tell_intervals_and_bands_of_several_seeds(built):
    text = built["markdown"].read_text()
    assert "ours with its 95% interval." in text and "with a band from the lowest to the highest seed." in text
