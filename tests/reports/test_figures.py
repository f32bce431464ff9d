import re

import pandas as pd

from reports.figures import convergence_figure, difference_figure
from reports.style import line_style

NAN = float("nan")


def comparison(differences):
    rows = [
        {
            "variant": variant,
            "metric": "PQ",
            "paper_difference": -4.8,
            "difference": difference,
            "difference_low": difference - 2,
            "difference_high": difference + 2,
            "verdict": "baseline" if variant == "base" else "inconclusive",
        }
        for variant, difference in differences.items()
    ]
    return pd.DataFrame(rows)


def histories(*final):
    return [[{"iteration": i, "metrics": {"PQ": value * i / 100}} for i in (50, 100)] for value in final]


def test_same_numbers_give_the_same_bytes_and_other_numbers_do_not():
    first, again = (difference_figure(comparison({"a": -5.0, "base": 0.0}), "PQ") for _ in range(2))
    assert first == again
    assert first != difference_figure(comparison({"a": -6.0, "base": 0.0}), "PQ")
    curves = [convergence_figure({"a": histories(40.0, 44.0)}, "PQ") for _ in range(2)]
    assert curves[0] == curves[1]


def test_both_formats_are_vector_files_that_name_no_date():
    vectors = convergence_figure({"a": histories(40.0, 44.0)}, "PQ")
    assert vectors["pdf"].startswith(b"%PDF") and b"CreationDate" not in vectors["pdf"]
    svg = vectors["svg"].decode()
    assert "<image" not in svg and "dc:date" not in svg


def test_a_name_with_dollars_is_text_and_draws_without_a_formula():
    assert difference_figure(comparison({r"a $\frac$ b": -5.0, "base": 0.0}), "PQ") is not None


def test_nothing_to_draw():
    assert difference_figure(comparison({"a": NAN, "base": 0.0}), "PQ") is None
    assert difference_figure(comparison({"a": -5.0, "base": 0.0}).assign(paper_difference=NAN), "PQ") is None
    assert convergence_figure({"a": [], "b": [[]]}, "PQ") is None


def test_one_seed_has_a_bar_without_an_interval():
    rows = comparison({"a": -5.0, "base": 0.0}).assign(difference_low=NAN, difference_high=NAN)
    assert len(interval_lines(difference_figure(comparison({"a": -5.0, "base": 0.0}), "PQ"))) == 1
    assert interval_lines(difference_figure(rows, "PQ")) == []


def interval_lines(vectors):
    (group,) = re.findall(rb'<g id="LineCollection_1">(.*?)</g>|<g id="LineCollection_1"/>', vectors["svg"], re.DOTALL)
    return re.findall(rb'<path d="[^"]+"', group)


def test_curves_use_the_iterations_that_every_seed_has():
    short = [[{"iteration": 50, "metrics": {"PQ": 20.0}}], *histories(40.0)]
    assert convergence_figure({"a": short}, "PQ") == convergence_figure(
        {"a": [[{"iteration": 50, "metrics": {"PQ": 20.0}}]] * 2}, "PQ"
    )


def test_no_two_lines_look_the_same():
    assert len({tuple(line_style(position).values()) for position in range(24)}) == 24
