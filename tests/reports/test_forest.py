import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from ablations.reports.forest import caption, forest_figure
from ablations.reports.style import BAD, GOOD, PAPER, VERDICT_STYLES
from ablations.reports.text import MINUS


@pytest.fixture(scope="module")
def drawn(section):
    return forest_figure([section])["svg"].decode()


def told(svg):
    values = [element for element in ElementTree.fromstring(svg).iter() if element.get("class") == "value"]
    return [value[0].text.replace(MINUS, "-") for value in values]


def test_every_difference_of_the_paper_tells_its_numbers_and_verdict(drawn):
    first, second = told(drawn)
    assert re.fullmatch(r"cross-attention, panoptic: PQ, paper -4\.8, ours -8\.7 \(-\d+\.\d to .*\), reproduced", first)
    assert second.startswith("<b>x</b> $ _ #, panoptic: PQ, paper -4.7, ours -3.8 (")


def test_each_seed_has_a_dot_in_the_verdict_s_colour(drawn):
    """Three dots of three seeds, the mean, and in the legend once."""
    counts = {colour: len(re.findall(rf'<use [^>]*style="[^"]*fill: {colour}', drawn)) for colour in (GOOD, BAD)}
    assert counts == {GOOD: 5, BAD: 0}


def test_no_two_verdicts_share_colour_and_shape():
    colours = {style["color"] for style in VERDICT_STYLES.values()}
    looks = {(style["marker"], style.get("markerfacecolor")) for style in VERDICT_STYLES.values()}
    assert len(colours) == len(looks) == len(VERDICT_STYLES)


def test_what_was_not_run_is_a_pale_bar_alone(section):
    lost = section.comparison.copy()
    lost.loc[lost["variant"] == "cross-attention", "verdict"] = "not run"
    svg = forest_figure([replace(section, comparison=lost)])["svg"].decode()
    assert told(svg)[0] == "cross-attention, panoptic: PQ, paper -4.8, not run"
    assert GOOD not in svg and re.search(rf"stroke: {PAPER}; stroke-opacity: 0.6", svg)


def test_tables_without_a_difference_of_the_paper_are_named_and_draw_nothing(section):
    bare = replace(section, comparison=section.comparison.assign(paper_difference=float("nan")))
    assert forest_figure([bare]) is None
    assert caption([section, replace(bare, study=replace(section.study, table="figIV"))]).endswith(
        "The paper prints no differences for Figure IV."
    )


def test_the_same_numbers_give_the_same_bytes(section, drawn):
    assert forest_figure([section])["svg"].decode() == drawn
