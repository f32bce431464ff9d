import pytest
from torch import nn

from ablations.planning.components import component_class, options
from m2f.models.transformer_decoder import SMCA


def test_components_are_what_the_models_registry_knows():
    assert component_class({"type": "SMCA"}) is component_class({"type": "m2f.SMCA"}) is SMCA
    assert component_class({"type": "mmdet.ResNet"}).__name__ == "ResNet"
    for other in ({"type": "AdamW"}, {"type": "numpy"}, {"type": SMCA}, {"depth": 18}, ["SMCA"], "SMCA", None):
        assert component_class(other) is None


@pytest.mark.parametrize(
    "name", ["a_strangers_module.Model", "..", ".", "", "mmdet.a_strangers_module.Model", "m2f..x"]
)
def test_what_is_not_registered_is_not_imported(name, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "a_strangers_module.py").write_text("raise SystemExit('imported')\n")
    assert component_class({"type": name}) is None


class Parent(nn.Module):
    def __init__(self, width, depth=3):
        super().__init__()


class Silent(Parent):
    pass


class Closed(Parent):
    def __init__(self, height):
        super().__init__(height)


class Open(Silent):
    def __init__(self, colour, *, depth=5, **others):
        super().__init__(depth=depth, **others)


def test_options_are_those_of_the_constructor_and_of_parents_that_it_passes_options_to():
    assert list(options(Parent)) == list(options(Silent)) == ["width", "depth"]
    assert list(options(Closed)) == ["height"]
    assert set(options(Open)) == {"colour", "width", "depth"}
    assert (options(Parent)["depth"], options(Open)["depth"]) == (3, 5)


def test_a_class_without_a_constructor_takes_nothing():
    assert options(nn.Identity) == {}
    assert options(type("Bare", (nn.Module,), {})) == {}
