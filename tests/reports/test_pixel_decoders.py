"""The page of pixel decoders, from real results of Table 4(e) and made ones of the tasks that it lacks."""

import math
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from ablations.comparing.beside_paper import comparison_frame
from ablations.comparing.shared_seeds import with_shared_seeds
from ablations.paper import paper_results
from ablations.reports.cost_rows import counted_costs
from ablations.reports.pixel_decoder_figure import accuracy_against_flops
from ablations.reports.pixel_decoders import pixel_decoders
from ablations.reports.section import Section
from ablations.reports.text import DASH
from ablations.studies import STUDIES

TRAININGS = Path(__file__).parents[1] / "ablations" / "gate" / "mini_of_300_iterations.csv"
STUDY = STUDIES["4e"]
DESIGNS = ["FPN", "Semantic FPN", "FaPN", "BiFPN", "MSDeformAttn"]
SECONDS = {"FPN": 60.0, "Semantic FPN": 90.0, "FaPN": 240.0, "BiFPN": 120.0, "MSDeformAttn": 120.0}


def section_of(results):
    results, paper = with_shared_seeds(results), paper_results()
    return Section(STUDY, "mini", results, comparison_frame(results, paper, [STUDY], "mini"), paper, "mini")


@pytest.fixture(scope="module")
def panoptic():
    results = pd.read_csv(TRAININGS, dtype={"table": str})
    return results[(results["table"] == "4e") & (results["task"] == "panoptic")]


@pytest.fixture(scope="module")
def runs(panoptic, kept_run):
    return {
        run: kept_run(
            f"pixel-decoder-{run}",
            {"train": SECONDS[variant] * (2 if seed == 1 and variant == "FPN" else 1)},
            [{"iteration": 300, "metrics": {}}],
            overrides=dict(STUDY.variations[DESIGNS.index(variant)].overrides),
        )
        for variant, seed, run in panoptic[["variant", "seed", "run"]].drop_duplicates().itertuples(index=False)
    }


def with_instance(panoptic):
    """The results with AP of two designs besides, AP_l undefined in one of them."""
    values = {"FPN": (20.0, 5.04, math.nan), "MSDeformAttn": (22.0, 6.0, 40.0)}
    first = panoptic[(panoptic["seed"] == 0) & (panoptic["metric"] == "PQ")]
    more = [
        {**row, "task": "instance", "metric": metric, "value": value}
        for row in first.to_dict("records")
        if row["variant"] in values
        for metric, value in zip(("AP", "AP_s", "AP_l"), values[row["variant"]], strict=True)
    ]
    return pd.concat([panoptic, pd.DataFrame(more)], ignore_index=True)


def lines(page):
    return {(line["measure"], line["source"]): line["cells"] for line in page["lines"]}


def test_numbers_stand_beside_the_paper_s(panoptic, runs):
    page, files = pixel_decoders(section_of(panoptic), runs, counted_costs(), "")
    assert page["designs"] == DESIGNS
    found = lines(page)
    assert found["PQ", "paper"] == ["50.7", "51.2", "51.8", "51.8", "51.9"]
    means = panoptic[panoptic["metric"] == "PQ"].groupby("variant")["value"].mean()
    printed = dict(zip(DESIGNS, found["PQ", "ours, mini"], strict=True))
    assert {name: text.split(" ±")[0] for name, text in printed.items()} == {
        name: f"{mean:.1f}" for name, mean in means.items()
    }
    assert found["FLOPs, G", "paper"] == ["195", "258", DASH, "204", "226"]
    assert found["FLOPs, G", "reference"] == ["194.7", "258.1", "275.3", "204.6", "226.2"]
    assert found["parameters, M", "reference"][-1] == "44.0"
    assert list(files) == ["figures/pixel-decoders-mini-panoptic.svg", "figures/pixel-decoders-mini-panoptic.pdf"]


def test_training_time_is_a_ratio_of_runs_with_the_same_seed(panoptic, runs):
    page, _ = pixel_decoders(section_of(panoptic), runs, counted_costs(), "")
    (times,) = [cells for (measure, _), cells in lines(page).items() if measure.startswith("iteration")]
    assert times == ["0.50 (0.50\N{EN DASH}1.00)", "0.75", "2.00", "1.00", "1.00"]
    assert "takes 0.4 s with MSDeformAttn" in page["note"] and "of the mini scale" in page["note"]


def test_what_was_not_run_is_named_with_its_command(panoptic, runs):
    page, _ = pixel_decoders(section_of(panoptic), runs, counted_costs(), "mine")
    assert lines(page)["AP_s", "ours, mini"] == ["not run"] * 5
    commands = [gap["command"] for gap in page["missing"]]
    assert "m2f run 4e --scale mini --tasks instance --store mine" in commands


def test_sizes_of_objects(panoptic, runs):
    page, _ = pixel_decoders(section_of(with_instance(panoptic)), runs, counted_costs(), "")
    found = lines(page)
    assert found["AP", "ours, mini"] == ["20.0", "not run", "not run", "not run", "22.0"]
    assert found["AP_s", "ours, mini"] == ["5.0", "not run", "not run", "not run", "6.0"]
    assert found["AP_l", "ours, mini"] == [DASH, "not run", "not run", "not run", "40.0"]


def test_costs_that_were_not_counted_are_named_with_their_command(panoptic, runs):
    page, _ = pixel_decoders(section_of(panoptic), runs, [], "")
    assert lines(page)["FLOPs, G", "reference"] == ["not counted"] * 5
    gap = page["missing"][-1]
    assert gap["text"].startswith("Not among the counted costs: FLOPs, parameters and training memory of FPN, ")
    assert gap["command"] == "m2f cost 4e"
    memory = replace(counted_costs()[0], metric="memory", value=5.25)
    costs = [replace(memory, identity={**memory.identity, "table": "4e", "variant": "FPN", "method": "Mask2Former"})]
    page, _ = pixel_decoders(section_of(panoptic), runs, costs, "")
    assert lines(page)["training memory, GB", "reference"] == ["5.2", *["not counted"] * 4]


def test_no_figure_without_a_difference_or_costs():
    rows = pd.DataFrame({"variant": ["a", "b"], "difference": [math.nan, 0.0]})
    assert accuracy_against_flops(rows, {"a": 1.0, "b": 2.0}, "PQ") is None
    assert accuracy_against_flops(rows.assign(difference=1.0), {}, "PQ") is None
