"""A figure whose runs evaluate trained models: fractions, no history, no samples."""

import json
import re
from dataclasses import replace

import pandas as pd
import pytest

from ablations.planning.plan import Cell
from ablations.reports.build import build
from ablations.reports.text import DASH, MINUS
from ablations.store.record_writing import write_done
from ablations.store.runs import create_run, open_store, write_sweep
from ablations.studies import STUDIES
from ablations.studies.study import Evaluation, Study, Variation
from m2f.errors import InputError


@pytest.fixture(scope="module")
def built(attention, attention_store, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(STUDIES, "Ib", attention)
        yield build(attention_store, ["Ib"], tmp_path_factory.mktemp("out"))


def test_fractions_are_not_percentages(built):
    text = built["markdown"].read_text()
    verdict = f"below what this can tell | {DASH} | inferred"
    assert f"| cross-attention | fg\\_avg | 0.20 | 0.62 | 1 | {MINUS}0.39 | +0.38 | {verdict} | 9 s |" in text
    comparison = pd.read_csv(built["comparison"])
    assert comparison.groupby("metric")["unit"].unique().loc["fg_avg"] == ["fraction"]


def test_a_direction_other_than_the_paper_s_is_said_in_the_summary_and_beside_the_table(built):
    sentence = f"fg_avg +0.38, the paper's {MINUS}0.39: other direction than the paper's, below what this can tell "
    sentence += "(1 seed, no interval)."
    assert built["html"].read_text().count(sentence.replace("'", "&#39;")) == 2
    assert built["markdown"].read_text().count(sentence.replace("_", r"\_")) == 2


def test_captions_speak_of_an_interval_where_there_is_one(built):
    assert "the paper's, and ours with one seed and nothing that tells its spread." in built["markdown"].read_text()


def test_the_note_and_the_source_of_each_evaluation_are_shown(built, attention: Study):
    for name in ("markdown", "html"):
        assert attention.note in built[name].read_text()
    assert "Figure I(b): attention mass" in built["markdown"].read_text()
    assert re.search(r"\| [0-9a-f]{16} \| cross-attention, evaluates [0-9a-f]{16} \|", built["markdown"].read_text())
    assert "| Runs | 2 further evaluations of trained models, from" in built["markdown"].read_text()


def test_there_is_no_convergence_and_no_gallery(built):
    figures = {path.name for path in (built["pdf"].parent / "figures").iterdir()}
    stems = ("Ib-mini-panoptic-differences", "mini-verdicts")
    assert figures == {f"{stem}.{suffix}" for stem in stems for suffix in ("svg", "pdf")}
    assert "Sample predictions" not in built["html"].read_text()


MANY_SCALES = Study(
    table="6",
    title="Cityscapes",
    baseline="Mask2Former, R50",
    variations=tuple(
        Variation(f"Mask2Former, {backbone}", {"backbone": backbone}, "", backbone=backbone, dataset="cityscapes")
        for backbone in ("R50", "Swin-L-22k")
    ),
    tasks=("semantic",),
    evaluation=Evaluation({}, tasks=("semantic",), adds="mIoU_ms"),
)


@pytest.fixture(scope="module")
def at_many_scales(make_run, tmp_path_factory):
    """The report of trainings that are tested at many scales as well."""
    root = tmp_path_factory.mktemp("many")
    store = open_store(root / "store")
    cells = []
    for row in MANY_SCALES.variations:
        training = replace(make_run(row, 0), task="semantic", scale="paper", dataset="cityscapes", split="val")
        again = replace(training, digest=training.digest[::-1], source=training)
        for run, seconds, metrics in ((training, 7200.0, {"mIoU": 70.0}), (again, 60.0, {"mIoU_ms": 72.5})):
            cells.append(Cell("6", row.name, row.method, row.backbone, run))
            directory = create_run(store, run, store / "data")
            (directory / "timing.json").write_text(json.dumps({"seconds": {"total": seconds}}))
            write_done(directory, metrics)
    write_sweep(store, cells)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(STUDIES, "6", MANY_SCALES)
        yield build(store, ["6"], root / "out")


def test_what_an_evaluation_adds_has_a_column_and_its_own_time(at_many_scales):
    text = at_many_scales["markdown"].read_text()
    assert "| | mIoU, paper | mIoU, ours | mIoU\\_ms, paper | mIoU\\_ms, ours |" in text
    assert re.search(r"\| Mask2Former, Swin-L-22k \| mIoU \| 83\.3 \| 70\.0 .* 2\.0 h", text)
    assert re.search(r"\| Mask2Former, Swin-L-22k \| mIoU\\_ms \| 84\.3 \| 72\.5 .* 60 s", text)


def test_other_methods_stand_as_printed_and_a_test_servers_tables_whole(at_many_scales, tmp_path):
    """The latter beside other results of the paper's scale alone, in a report of the whole paper."""
    text = at_many_scales["markdown"].read_text()
    assert "| SegFormer, MiT-B5 | mIoU\\_ms 84.0 |" in text
    assert "test-dev" not in text
    store = at_many_scales["pdf"].parents[1] / "store"
    whole = build(store, [], tmp_path)
    for name in ("markdown", "html"):
        assert "--submission ade20k --multi-scale" in whole[name].read_text()
    text = whole["markdown"].read_text()
    assert "| Mask2Former, Swin-L-22k | PQ 58.3; PQ^Th 65.1; PQ^St 48.1; SQ 84.1; RQ 68.6 |" in text


def test_a_report_of_a_test_servers_table_alone_says_where_its_numbers_are(at_many_scales, tmp_path):
    store = at_many_scales["pdf"].parents[1] / "store"
    with pytest.raises(InputError, match=r"The numbers of Table II are a test server's, .*--submission coco-panoptic`"):
        build(store, ["II"], tmp_path)
