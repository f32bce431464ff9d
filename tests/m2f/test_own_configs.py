import pytest

from m2f.config_files import read_config
from m2f.own_configs import CONFIGS, own_config

NAMES = sorted(path.relative_to(CONFIGS.resolve()).as_posix() for path in CONFIGS.resolve().glob("[!_]*/**/*.py"))


def test_all_configs_are_there():
    assert {"mini/panoptic.py", "paper/cityscapes/semantic.py"} <= set(NAMES)
    assert own_config("mini/panoptic.py").is_file()


@pytest.mark.parametrize("name", NAMES)
def test_what_is_tested_is_what_is_validated(name):
    config = read_config(own_config(name)).to_dict()
    validated = {key: value for key, value in config["val_dataloader"].items() if key != "collate_fn"}
    assert config["test_dataloader"] == validated
    assert (config["test_evaluator"], config["test_cfg"]) == (config["val_evaluator"], {})


@pytest.mark.parametrize("name", NAMES)
def test_components_of_ours_are_named_in_our_scope(name):
    """Else a tool whose default scope is another would not find them, or another's of the same name."""
    model = read_config(own_config(name)).model
    decoder = model.transformer_decoder
    parts = (model, model.pixel_decoder, decoder, decoder.queries, decoder.cross_attention, model.criterion)
    assert all(part.type.startswith("m2f.") for part in parts)
