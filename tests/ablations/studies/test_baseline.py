from ablations.planning.plan import config_of_scale, make_plan
from ablations.planning.scales import chosen_scale
from ablations.studies import STUDIES
from ablations.studies.baseline import BASELINE


def test_it_trains_each_config_as_it_is(tmp_path):
    scale = chosen_scale("smoke")
    cells = make_plan([BASELINE], scale, scale.tasks, [0], {}, tmp_path).cells
    assert STUDIES["baseline"] is BASELINE
    assert [cell.run.task for cell in cells] == ["panoptic", "instance", "semantic"]
    for cell in cells:
        assert cell.run.config == config_of_scale(scale, cell.run.task).config


def test_it_is_the_run_of_a_tables_own_baseline(tmp_path):
    cells = make_plan([STUDIES["4c"], BASELINE], chosen_scale("smoke"), ["panoptic"], [0], {}, tmp_path).cells
    names = {cell.variant: cell.run.name for cell in cells}
    assert names["baseline"] == names["masked attention"] != names["SMCA"]
