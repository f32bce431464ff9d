import re
from xml.etree import ElementTree

import pandas as pd

from ablations.reports.figures import convergence_figure, difference_figure, line_figure
from ablations.reports.style import INK, line_style
from ablations.reports.text import DASH, MINUS

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
            "verdict": "baseline" if variant == "base" else "below what this can tell",
            "unit": "%",
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
    assert convergence_figure({"a": [], "b": [[]]}, "PQ") is None


def test_one_seed_has_a_bar_without_an_interval():
    rows = comparison({"a": -5.0, "base": 0.0}).assign(difference_low=NAN, difference_high=NAN)
    assert len(interval_lines(difference_figure(comparison({"a": -5.0, "base": 0.0}), "PQ"))) == 1
    assert interval_lines(difference_figure(rows, "PQ")) == []


def interval_lines(vectors):
    (group,) = re.findall(rb'<g id="LineCollection_1">(.*?)</g>|<g id="LineCollection_1"/>', vectors["svg"], re.DOTALL)
    return re.findall(rb'<path d="[^"]+"', group)


def told(vectors):
    """The words of everything in the drawing that tells a value, by its title; its label says the same."""
    values = [element for element in ElementTree.fromstring(vectors["svg"]).iter() if element.get("class") == "value"]
    assert all(value.get("aria-label") == value[0].text for value in values)
    return [value[0].text.replace(MINUS, "-") for value in values]


def test_every_row_of_bars_tells_its_values():
    rows = comparison({"<i>a</i> & '\"b\"'": -5.0, "not run": NAN, "base": 0.0})
    assert told(difference_figure(rows, "PQ")) == [
        "<i>a</i> & '\"b\"': PQ minus the baseline's, paper -4.8, ours -5.0 (-7.0 to -3.0)",
        f"not run: PQ minus the baseline's, paper -4.8, ours {DASH}",
    ]


def test_ours_stand_alone_where_the_paper_has_no_number():
    rows = comparison({"a": -5.0, "base": 0.0})
    alone = difference_figure(rows.assign(paper_difference=NAN), "PQ")
    assert told(alone) == ["a: PQ minus the baseline's, ours -5.0 (-7.0 to -3.0)"]
    assert alone["svg"].count(b"#7d8792") < difference_figure(rows, "PQ")["svg"].count(b"#7d8792") == 2


def test_every_point_of_a_line_tells_its_values():
    assert told(convergence_figure({"a": histories(40.0, 44.0), "b": histories(30.0)}, "PQ")) == [
        "a, training iteration 50: PQ 21.0, seeds from 20.0 to 22.0",
        "a, training iteration 100: PQ 42.0, seeds from 40.0 to 44.0",
        "b, training iteration 50: PQ 15.0",
        "b, training iteration 100: PQ 30.0",
    ]


def test_curves_use_the_iterations_that_every_seed_has():
    short = [[{"iteration": 50, "metrics": {"PQ": 20.0}}], *histories(40.0)]
    assert convergence_figure({"a": short}, "PQ") == convergence_figure(
        {"a": [[{"iteration": 50, "metrics": {"PQ": 20.0}}]] * 2}, "PQ"
    )


def test_words_beside_points_stand_above_peaks_and_below_valleys():
    curve = pd.DataFrame({"mean": [30.0, 10.0, 20.0], "mark": ["first", "valley", "last"]}, index=[1, 2, 3])
    svg = line_figure({"a": curve.assign(min=curve["mean"], max=curve["mean"])}, "x", "y")["svg"].decode()
    words = re.findall(r"<!-- (first|valley|last) -->\s*<g [^>]*translate\([\d.]+ ([\d.]+)\)", svg)
    points = re.findall(r'<g id="value-\d".*?<use [^>]*y="([\d.]+)"', svg, re.DOTALL)
    above = {word: float(height) < float(point) for (word, height), point in zip(words, points, strict=True)}
    assert above == {"first": True, "valley": False, "last": True}


def test_the_baseline_has_its_own_colour_wherever_it_stands_and_no_colour_is_there_twice():
    names = [f"row {number}" for number in range(12)]
    for rows in (["base", *names], [*names[:3], "base"]):
        drawn = convergence_figure(dict.fromkeys(rows, histories(40.0)), "PQ", "base")["svg"].decode()
        lines = re.findall(
            r'<g id="line2d_\d+">\s*<path d="[^"]+"[^>]*style="[^"]*stroke: (#\w+);[^"]*stroke-width: 1.4', drawn
        )
        curves = lines[: len(rows)]
        assert len(set(curves)) == len(rows) and curves[rows.index("base")] == INK


def test_no_two_lines_look_the_same():
    assert len({tuple(line_style(position).values()) for position in range(24)}) == 24
