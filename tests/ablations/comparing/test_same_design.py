from pathlib import Path

from ablations.comparing.same_design import design_of
from ablations.planning.plan import make_plan
from ablations.planning.scales import chosen_scale
from ablations.studies import STUDIES
from ablations.studies.study import Variation

TABLES = [STUDIES[table] for table in ("4a", "4c", "4d", "S1", "figII")]


def test_rows_are_one_design_where_they_are_one_run():
    """Whatever their overrides are: no mask is another class in one table and an option in another."""
    designs, runs = {}, {}
    for cell in make_plan(TABLES, chosen_scale("mini"), ["semantic", "panoptic"], [0], {}, Path("nowhere")).cells:
        study = STUDIES[cell.table]
        variation = next(row for row in study.variations if row.name == cell.variant)
        row = (cell.table, cell.variant, cell.run.task)
        designs.setdefault(design_of(study, variation, cell.run.task, "mini"), set()).add(row)
        runs.setdefault(cell.run.name, set()).add(row)
    assert sorted(map(sorted, designs.values())) == sorted(map(sorted, runs.values()))


def test_at_a_scale_that_is_not_at_hand_equal_changes_are_one_design():
    rows = (Variation("a", {"x": 1}), Variation("b", {"x": 1}), Variation("c", {"x": 2}))
    first, same, other = (design_of(TABLES[0], row, "panoptic", "a lab's own") for row in rows)
    assert first == same != other
