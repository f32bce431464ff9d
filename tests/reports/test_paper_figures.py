import pandas as pd
import pytest

from ablations.reports import paper_figures
from ablations.reports.section import Section
from ablations.studies.study import Study, Variation


@pytest.fixture
def drawn(monkeypatch):
    """Draws a figure of the paper from (row's name, seed, metric, value); returns its lines by name, and its labels."""

    def draw(draw_figure, variations, values, metric, flops=None):
        calls = []
        monkeypatch.setattr(paper_figures, "line_figure", lambda *arguments, **options: calls.append(arguments))
        methods = {variation.name: variation.method for variation in variations}
        results = pd.DataFrame(
            [
                {
                    "variant": name,
                    "method": methods[name],
                    "task": "panoptic",
                    "seed": seed,
                    "metric": of,
                    "value": value,
                }
                for name, seed, of, value in values
            ]
        ).assign(run=lambda frame: frame["variant"] + frame["seed"].astype(str))
        study = Study("figII", "title", variations[0].name, tuple(variations), ("panoptic",))
        section = Section(study, "mini", results, pd.DataFrame(), pd.DataFrame(), "mini", flops or {})
        draw_figure(section, "panoptic", metric, {})
        ((curves, *labels),) = calls
        return {name: curve.to_dict("index") for name, curve in curves.items()}, labels

    return draw


def test_every_layer_is_a_point_and_every_design_a_line(drawn):
    values = [("a", seed, f"PQ_layer{layer}", 10 * layer + seed) for seed in (0, 2) for layer in (0, 1, 10)]
    lines, labels = drawn(
        paper_figures.by_layer,
        [Variation("a", {}), Variation("b", {})],
        [*values, ("a", 0, "AR100_layer2", 99.0), ("b", 0, "PQ_layer0", 7.0)],
        "PQ_layer10",
    )
    assert lines["a"] == {
        layer: {"mean": 10 * layer + 1, "min": 10 * layer, "max": 10 * layer + 2} for layer in (0, 1, 10)
    }
    assert lines["b"] == {0: {"mean": 7, "min": 7, "max": 7}}
    assert labels == ["decoder layer", "PQ"]


def test_every_augmentation_is_a_line_over_training_lengths(drawn):
    names = ["100 epochs, LSJ", "12 epochs, LSJ", "12 epochs, standard augmentation", "a user's row"]
    lines, _ = drawn(
        paper_figures.by_length,
        [Variation(name, {}) for name in names],
        [(name, 0, metric, len(name)) for name in names for metric in ("PQ", "SQ")],
        "PQ",
    )
    assert {name: {place: point["mean"] for place, point in line.items()} for name, line in lines.items()} == {
        "LSJ": {12: 14, 100: 15},
        "standard augmentation": {12: 32},
    }
    assert list(lines["LSJ"]) == [12, 100]


def test_every_method_is_a_line_over_the_flops_of_its_rows(drawn):
    flops = {"old, small": 2e9, "new, small": 1.5e9, "new, large": 4e9}
    lines, labels = drawn(
        paper_figures.by_cost,
        [
            Variation("old, small", {}, method="Old"),
            Variation("new, large", {}, method="New"),
            Variation("new, small", {}, method="New"),
            Variation("new, lost", {}, method="New"),
        ],
        [(name, seed, "PQ", 40.0 + seed) for name in ("old, small", "new, large", "new, small") for seed in (0, 1)],
        "PQ",
        flops,
    )
    assert lines == {
        "Old": {2.0: {"mean": 40.5, "min": 40.0, "max": 41.0, "mark": "small"}},
        "New": {
            1.5: {"mean": 40.5, "min": 40.0, "max": 41.0, "mark": "small"},
            4.0: {"mean": 40.5, "min": 40.0, "max": 41.0, "mark": "large"},
        },
    }
    assert labels == ["GFLOPs of one test image", "PQ"]


def test_figures_that_the_paper_draws_are_vector_files(section):
    """Drawn whole, from results as the store gives them: Figure IV's rows with one that has another name."""
    results = section.results.assign(variant=section.results["variant"].replace("cross-attention", "12 epochs, LSJ"))
    study = Study("figIV", "title", "12 epochs, LSJ", (Variation("12 epochs, LSJ", {}),), ("panoptic",))
    vectors = paper_figures.by_length(
        Section(study, "mini", results, section.comparison, section.paper, "mini"), "panoptic", "PQ", {}
    )
    assert vectors is not None and set(vectors) == {"svg", "pdf"}


def test_shares_of_attention_lie_over_the_resolution_with_the_paper_s_beside_them(monkeypatch):
    calls = []
    monkeypatch.setattr(
        paper_figures, "line_figure", lambda curves, *labels, **options: calls.append((curves, options))
    )
    rows = [
        {"task": "panoptic", "variant": name, "metric": metric, "value": value, "paper": paper}
        for name, metric, value, paper in [
            ("a", "fg_32", 0.12, 0.25),
            ("a", "fg_8", 0.5, 0.75),
            ("a", "fg_avg", 0.3, 0.5),
            ("a", "bg_32", 0.88, 0.75),
            ("b", "fg_32", 0.25, float("nan")),
        ]
    ]
    study = Study("Ib", "title", "b", (Variation("a", {}), Variation("b", {})), ("panoptic",))
    section = Section(study, "mini", pd.DataFrame(rows), pd.DataFrame(rows), pd.DataFrame(), "mini")
    paper_figures.by_resolution(section, "panoptic", "fg_avg", {})
    ((curves, options),) = calls
    assert {name: dict(curve["mean"]) for name, curve in curves.items()} == {
        "a": {8: 50.0, 32: 12.0},
        "b": {32: 25.0},
        "a, paper": {8: 75.0, 32: 25.0},
        "b, paper": {},
    }
    assert options["baseline"] == "b"
