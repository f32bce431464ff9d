import pandas as pd

from ablations.comparing.beside_paper import comparison_frame
from ablations.reports.own_rows import effects_of, own_answer
from ablations.reports.section import Section
from ablations.reports.text import MINUS
from ablations.studies.study import Study, Variation

COLUMNS = ["table", "method", "backbone", "variant", "dataset", "split", "task", "metric", "value"]
NO_PAPER = pd.DataFrame(columns=COLUMNS)
CROSSED = Study(
    table="own",
    title="crossed",
    baseline="a",
    variations=(
        Variation("a", {}, choices=("a", "x")),
        Variation("b", {}, choices=("b", "x")),
        Variation("a, y", {}, choices=("a", "y")),
        Variation("b, y", {}, choices=("b", "y")),
        Variation("beside", {}),
    ),
    tasks=("panoptic",),
    factors=("attention", "training"),
)
VALUES = {
    "a": (50.0, 51.0, 52.0, 50.5),
    "b": (45.0, 46.1, 47.0, 45.5),
    "a, y": (50.1, 50.9, 52.1, 50.4),
    "b, y": (44.9, 46.0, 47.1, 45.4),
    "beside": (53.0, 47.0, 54.0, 48.0),
}


def section(values, study=CROSSED, flops=None):
    results = pd.DataFrame(
        [
            {
                "table": "own",
                "variant": name,
                "method": "Mask2Former",
                "backbone": "R50",
                "task": "panoptic",
                "scale": "mini",
                "seed": seed,
                "metric": "PQ",
                "value": value,
                "unit": "%",
                "run": f"{name} {seed}",
            }
            for name, of in values.items()
            for seed, value in enumerate(of)
        ]
    )
    comparison = comparison_frame(results, NO_PAPER, [study], "mini")
    return Section(study, "mini", results, comparison, NO_PAPER, "mini", flops or {})


def test_a_paragraph_says_which_rows_are_told_what_is_not_and_what_each_choice_does():
    said = own_answer(section(VALUES), "panoptic").replace(MINUS, "-")
    below = "Below the baseline: b (-5.0); b, y (-5.0)."
    assert said.startswith(f"PQ beside a, 4 seeds a row. Above the baseline: none. {below}")
    assert "Level with the baseline, within 1.5: a, y (0.0)." in said
    assert "Of 1 row these seeds cannot tell: the mean difference is -0.4 (beside), and a difference below " in said
    assert "By attention, in the mean over every training: b -5.0 (" in said and "), below the baseline." in said
    assert "By training, in the mean over every attention: y 0.0 (" in said and "), level with the baseline." in said
    assert "cheapest" not in said


def test_one_seed_tells_no_spread_and_no_verdict():
    said = own_answer(section({name: of[:1] for name, of in VALUES.items()}), "panoptic").replace(MINUS, "-")
    assert said.startswith("PQ beside a, 1 seed a row. Above the baseline: none. Below the baseline: none.")
    assert "Of 4 rows these seeds cannot tell: the mean differences lie between -5.1 (b, y) and +3.0 (beside)" in said
    assert "nothing tells their spread" in said
    assert "b -5.1, below what this can tell" in said


def test_the_cheapest_row_that_is_not_surely_worse():
    flops = {"a": 226e9, "b": 100e9, "a, y": 150e9, "beside": 200e9}
    said = own_answer(section(VALUES, flops=flops), "panoptic")
    assert "not surely below the baseline is a, y (0.0 (" in said
    assert said.endswith("with 150 GFLOPs of the baseline's 226.")


def test_nothing_run_beside_the_baseline_is_nothing_said():
    assert own_answer(section({"a": VALUES["a"]}), "panoptic") == ""


def test_a_study_that_crosses_nothing_has_no_effects():
    study = Study("own", "plain", "a", (Variation("a", {}), Variation("b", {})), ("panoptic",))
    assert effects_of(section({name: VALUES[name] for name in ("a", "b")}, study), "panoptic", "PQ") == []
