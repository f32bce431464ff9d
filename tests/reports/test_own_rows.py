import pandas as pd

from ablations.comparing.beside_paper import comparison_frame
from ablations.comparing.shared_seeds import with_shared_seeds
from ablations.reports.content import compose
from ablations.reports.html import render_html
from ablations.reports.markdown import render_markdown
from ablations.reports.own_rows import own_answer
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


def section(values, study=CROSSED, flops=None, paper=NO_PAPER):
    results = pd.DataFrame(
        [
            {
                "table": study.table,
                "variant": name,
                "method": "Mask2Former",
                "backbone": "R50",
                "dataset": "scenes",
                "split": "val2017",
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
    results = with_shared_seeds(results)
    comparison = comparison_frame(results, paper, [study], "mini")
    return Section(study, "mini", results, comparison, paper, "mini", flops or {})


def printed_alike(*names):
    """The same number in the paper for each row."""
    rows = [("own", "Mask2Former", "R50", name, "coco", "val", "panoptic", "PQ", 50.0) for name in names]
    return pd.DataFrame(rows, columns=COLUMNS)


def told(values, **options):
    return own_answer(section(values, **options), "panoptic").replace(MINUS, "-")


def test_a_paragraph_says_which_rows_are_told_what_is_not_and_what_each_choice_does():
    said = told(VALUES)
    below = "Below the baseline: b (-5.0); b, y (-5.0)."
    assert said.startswith(f"PQ, 4 seeds a row, beside a. Above the baseline: none. {below}")
    assert "Level with the baseline, within 1.5: a, y (0.0)." in said
    assert "Of 1 row these seeds cannot tell: the mean difference is -0.4 (beside), and a difference below " in said
    assert "By attention, in the mean over each training that was run: b -5.0 (" in said
    assert "), over 2, below the baseline. By training, in the mean over each attention that was run: y 0.0 (" in said
    assert "y 0.0 (" in said and "), over 2, level with the baseline. Two choices together, " in said
    assert said.endswith("Above the sum: none. Below the sum: none. At the sum, within 1.5: b, y (-0.1).")


def test_one_seed_tells_no_spread_and_no_verdict():
    said = told({name: of[:1] for name, of in VALUES.items()})
    assert said.startswith("PQ, 1 seed a row, beside a. Above the baseline: none. Below the baseline: none.")
    assert "Of 4 rows these seeds cannot tell: the mean differences lie between -5.1 (b, y) and +3.0 (beside)" in said
    assert "nothing tells their spread" in said
    assert "b -5.1, over 2, below what this can tell" in said
    assert said.endswith("At the sum, within 1.5: none. Not to be told: b, y (-0.2).")


def test_a_row_whose_difference_others_print_stands_where_its_own_puts_it():
    printed = [
        ("own", "Mask2Former", "R50", name, "coco", "val", "panoptic", "PQ", 50.0) for name in ("a", "b", "a, y")
    ]
    paper = pd.DataFrame(printed, columns=COLUMNS)
    judged = section(VALUES, paper=paper).comparison.set_index("variant")["verdict"]
    assert (judged["b"], judged["a, y"]) == ("not reproduced", "as small as the paper's")
    assert "Below the baseline: b (-5.0); b, y (-5.0). Level with the baseline, within 1.5: a, y" in told(
        VALUES, paper=paper
    )


def test_nothing_run_beside_the_baseline_is_nothing_said():
    assert told({"a": VALUES["a"]}) == ""


def test_a_table_of_the_paper_s_rows_alone_has_no_paragraph():
    assert told(VALUES, paper=printed_alike(*VALUES)) == ""


def test_a_study_that_crosses_nothing_has_no_effects():
    study = Study("own", "plain", "a", (Variation("a", {}), Variation("b", {})), ("panoptic",))
    said = told({name: VALUES[name] for name in ("a", "b")}, study=study)
    assert "Below the baseline: b (-5.0)." in said and "in the mean over" not in said and "together" not in said


def test_every_format_says_it(kept_run, pdf_elements):
    shown = section(VALUES)
    runs = {name: kept_run(name, {"total": 1.0}) for name in shown.results["run"].unique()}
    content = compose([shown], runs, [], [])
    said = own_answer(shown, "panoptic")
    assert said in render_markdown(content)
    assert said in render_html(content)
    assert said in [paragraph["body"].get("text") for paragraph in pdf_elements(content, "par")]


def test_beside_a_baseline_that_has_learnt_nothing_no_choice_is_level():
    little = {name: tuple(value - 50 for value in of) for name, of in VALUES.items()}
    assert "level with the baseline" in told(VALUES) and "level with the baseline" not in told(little)
