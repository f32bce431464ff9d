import sys

import pytest
from mmengine import Registry

from m2f.errors import InputError
from m2f.registered_types import known_scopes, registered_names, require_registered
from m2f.registry import MODELS

WHERE = "mine.py"


def refusal(config):
    with pytest.raises(InputError) as caught:
        require_registered(config, WHERE)
    return str(caught.value)


def test_what_is_registered_passes():
    require_registered(
        {
            "default_scope": "m2f",
            "model": {"type": "Mask2Former", "backbone": {"type": "mmdet.ResNet", "norm_cfg": {"type": "BN"}}},
            "val_evaluator": [{"type": "m2f.PanopticQuality"}, {"type": "mmseg.IoUMetric"}],
            "optim_wrapper": {"type": "OptimWrapper", "constructor": "m2f.ParameterGroups"},
            "pipeline": ({"type": "RandomResize", "resize_type": "mmdet.Resize", "crop_type": "absolute_range"},),
        },
        WHERE,
    )


@pytest.mark.parametrize(
    "name", ["subprocess.call", "os", "mmdet.os", "mmdet.models.ResNet", "m2f.subprocess.call", "builtins.eval", ""]
)
@pytest.mark.parametrize("key", ["type", "constructor", "resize_type", "ema_type"])
def test_what_is_not_registered_is_named_with_its_place(key, name):
    said = refusal({"hooks": [{"type": "m2f.History"}, {"nested": ({key: name},)}]})
    assert said.startswith(f"{WHERE}: 'hooks.1.nested.0.{key}' is '{name}', which is not registered")
    assert said.endswith("and with --import the module that registers one of your own.")


def test_a_slip_is_answered_with_the_nearest():
    assert "(did you mean 'mmdet.ResNet'?)" in refusal({"type": "mmdet.ResNett"})


def test_nothing_is_imported_to_find_out():
    sys.modules.pop("antigravity", None)
    assert "antigravity.Foo" in refusal({"type": "antigravity.Foo"})
    assert "antigravity" not in sys.modules


@pytest.mark.parametrize("key", ["default_scope", "_scope_"])
def test_a_scope_is_a_registrys(key):
    require_registered({key: "mmseg"}, WHERE)
    assert f"'model.{key}' is 'json', which no registry has as its scope" in refusal({"model": {key: "json"}})


def test_a_users_own_registry_and_component_are_known(monkeypatch):
    monkeypatch.setattr(MODELS.parent, "_children", dict(MODELS.parent.children))
    own = Registry("model", parent=MODELS.parent, scope="mine")
    own.register_module(name="Net", module=object)
    assert "mine" in known_scopes()
    assert "mine.Net" in registered_names({"mine"}) - registered_names(set())
    require_registered({"default_scope": "mine", "type": "mine.Net"}, WHERE)


@pytest.mark.parametrize("name", ["truth.pkl", "a/TRUTH.PICKLE", "pickle"])
def test_data_are_no_pickles(name):
    said = refusal({"dataset": {"ann_file": name}})
    assert said.startswith(f"{WHERE}: 'dataset.ann_file' is '{name}', a pickle, which may run anything")
    require_registered({"load_from": name, "init_cfg": {"checkpoint": name}, "pretrained": name}, WHERE)


def test_values_that_are_no_text_are_none_of_its_business():
    require_registered({"type": 5, "constructor": None, "ann_file": ["x"], 3: {"a": 1.5}}, WHERE)
