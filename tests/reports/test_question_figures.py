import re
from xml.etree import ElementTree

import pytest

from ablations.reports.question_figures import by_papers_flops, crossed
from ablations.reports.text import MINUS
from tests.reports.test_own_rows import VALUES, section


def told(vectors):
    values = [element for element in ElementTree.fromstring(vectors["svg"]).iter() if element.get("class") == "value"]
    return [value[0].text.replace(MINUS, "-") for value in values]


def test_a_crossed_study_has_a_line_for_each_choice_and_a_point_for_each_row_of_the_crossing():
    words = told(crossed(section(VALUES), "panoptic", "PQ", {}))
    assert [re.match(r".*(?=: PQ)", line)[0] for line in words] == ["a", "a, y", "b", "b, y"]
    assert words[0] == "a: PQ minus the baseline's 0.0 (0.0 to 0.0)"
    assert words[2].startswith("b: PQ minus the baseline's -5.0 (-5.")


def test_one_seed_is_drawn_without_an_interval():
    words = told(crossed(section({name: of[:1] for name, of in VALUES.items()}), "panoptic", "PQ", {}))
    assert words[2] == "b: PQ minus the baseline's -5.0"


@pytest.mark.parametrize("draw", [crossed, by_papers_flops])
def test_there_is_no_figure_of_the_baseline_alone(draw):
    alone = section({"a": VALUES["a"]}, flops={"a": 226e9})
    assert draw(alone, "panoptic", "PQ", {}) is None


def test_over_flops_points_stand_in_their_order():
    flops = {"a": 226e9, "b": 100e9, "a, y": 150e9}
    words = told(by_papers_flops(section(VALUES, flops=flops), "panoptic", "PQ", {}))
    assert [line.partition(" GFLOPs")[0] for line in words] == ["b, 100", "a, y, 150", "a, 226"]
