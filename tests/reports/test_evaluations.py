"""A figure whose runs evaluate trained models: fractions, no history, no samples."""

import re

import pandas as pd
import pytest

from ablations.studies import STUDIES
from ablations.studies.study import Study
from reports.build import build
from reports.text import DASH, MINUS


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
