"""What a report says of one task of a table."""

import pandas as pd
import pytest

from ablations.comparing.beside_paper import comparison_frame
from ablations.paper import printed_results
from ablations.reports.content import compose
from ablations.reports.html import render_html
from ablations.reports.latex import render_latex
from ablations.reports.markdown import render_markdown
from ablations.reports.section import Section
from ablations.reports.task import PAIRING
from ablations.studies import STUDIES


@pytest.fixture
def composed(kept_run, tmp_path):
    """The content of a table of which rows were run with seeds, by the seconds of each run."""

    def compose_table(table, seconds_by_row):
        study = STUDIES[table]
        paper = printed_results()
        cells = [(row, seed, taken) for row, of in seconds_by_row.items() for seed, taken in enumerate(of)]
        shared = {"table": table, "scale": "mini", "task": "panoptic", "dataset": "scenes", "split": "val2017"}
        same = {"method": "Mask2Former", "backbone": "R50", "metric": "PQ", "unit": "%"}
        name = f"{tmp_path.name} {{}} {{}}".format
        results = pd.DataFrame(
            [
                {**shared, **same, "variant": row, "seed": seed, "value": 50.0 + seed, "run": name(row, seed)}
                for row, seed, _ in cells
            ]
        )
        results["borrowed"] = False
        runs = {name(row, seed): kept_run(name(row, seed), {"total": taken}, seed=seed) for row, seed, taken in cells}
        comparison = comparison_frame(results, paper, [study], "mini")
        return compose(
            [Section(study, "mini", results, comparison, paper[paper["table"] == table], "mini")], runs, [], []
        )

    return compose_table


def test_what_came_after_the_paper_stands_beside_what_others_print(composed):
    content = composed("S1", {"masked attention": [60.0], "cross-attention": [60.0]})
    text, page = render_markdown(content), render_html(content)
    assert "| Design | Metric | Others | Ours | n | Others difference |" in text
    assert "Others: COCO val2017. Ours: generated scenes" in text and "PQ, others" in text
    assert '<th scope="col" class="number">Others</th>' in page and '<th scope="col" class="number">Paper<' not in page
    latex = render_latex(content)["tables/S1-mini-panoptic.tex"].decode()
    assert "others' on COCO" in latex and "Others diff." in latex


def test_the_papers_tables_stand_beside_the_paper(composed):
    text = render_markdown(composed("4c", {"masked attention": [60.0], "cross-attention": [60.0]}))
    assert "| Design | Metric | Paper | Ours | n | Paper difference |" in text and "PQ, paper" in text


@pytest.mark.parametrize(("seeds", "said"), [(2, False), (1, True)])
def test_seeds_that_differ_are_said_beside_differences_of_pairs(composed, seeds, said):
    content = composed("4c", {"masked attention": [60.0] * 2, "cross-attention": [60.0] * seeds})
    assert (PAIRING in render_markdown(content)) is said
    assert (PAIRING in render_html(content)) is said


def test_a_run_on_a_busy_machine_does_not_move_the_time(composed):
    text = render_markdown(composed("4c", {"masked attention": [60.0, 60.0, 6000.0]}))
    (row,) = [line for line in text.splitlines() if line.startswith("| masked attention (baseline) | PQ")]
    assert row.split(" | ")[-1] == "60 s |"
