import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablations.overrides import apply_overrides, parse_override
from m2f.errors import InputError

CONFIG = {
    "model": {"decoder": {"attention": {"type": "Masked", "heads": 8}, "layers": 9}},
    "hooks": [{"every": 1}, {"every": 2}],
    "sizes": (32, 16),
}


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("model.decoder.layers", 6, lambda config: config["model"]["decoder"]["layers"]),
        ("hooks.1.every", 5, lambda config: config["hooks"][1]["every"]),
        ("sizes.0", 64, lambda config: config["sizes"][0]),
        ("model.decoder.attention", {"type": "Pooling"}, lambda config: config["model"]["decoder"]["attention"]),
    ],
)
def test_a_value_is_replaced_and_nothing_else(key, value, expected):
    before = copy.deepcopy(CONFIG)
    changed = apply_overrides(CONFIG, {key: value})
    assert expected(changed) == value
    assert before == CONFIG
    parent, _, last = key.rpartition(".")
    undone = apply_overrides(changed, {key: expected(before)})
    assert undone == before, f"{last} of {parent} was not all that changed"


def test_a_key_is_applied_before_those_below_it():
    overrides = {"model.decoder.attention.type": "SMCA", "model.decoder.attention": {"type": "Pooling", "heads": 2}}
    assert apply_overrides(CONFIG, overrides)["model"]["decoder"]["attention"] == {"type": "SMCA", "heads": 2}


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("model.decoder.atention.type", "'model.decoder' has no 'atention' (did you mean 'attention'?)"),
        ("modle", "the config has no 'modle' (did you mean 'model'?)"),
        ("hooks.2.every", "'hooks' is a list with places 0 to 1"),
        ("hooks.first", "'hooks' is a list with places 0 to 1"),
        ("model.decoder.layers.deep", "'model.decoder.layers' is a value without keys"),
    ],
)
def test_a_key_that_names_nothing_is_bad_input(key, words):
    with pytest.raises(InputError) as caught:
        apply_overrides(CONFIG, {key: 1})
    assert f"'{key}' names no config key" in str(caught.value)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a.b=3", 3),
        ("a.b=1e-4", 1e-4),
        ("a.b=SMCA", "SMCA"),
        ("a.b=true", True),
        ("a.b=None", None),
        ("a.b=[1, 2]", [1, 2]),
        ("a.b=dict(type=1)", "dict(type=1)"),
        ("a.b={'type': 'SMCA'}", {"type": "SMCA"}),
        ("a.b=x=y", "x=y"),
        ("a.b=", ""),
    ],
)
def test_values_are_literals_or_strings(text, value):
    assert parse_override(text) == ("a.b", value)


@given(
    st.one_of(
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.booleans(),
        st.none(),
        st.lists(st.integers()),
    )
)
def test_every_literal_is_read_back(value):
    assert parse_override(f"key={value!r}") == ("key", value)


@pytest.mark.parametrize("text", ["train_cfg.max_iters", "=3", ""])
def test_what_is_not_key_and_value_is_bad_input(text):
    with pytest.raises(InputError, match="is not KEY=VALUE"):
        parse_override(text)


@pytest.mark.parametrize("key", ["scale", "task", "seed", "dataset_name", "split", "train_dataloader.dataset.seed"])
def test_what_a_run_is_called_is_no_override(key):
    with pytest.raises(InputError, match=r"would change what a run is called; use --"):
        parse_override(f"{key}=0")


@pytest.mark.parametrize("value", ["{1, 2}", "1e999"])
def test_values_that_json_cannot_hold_are_refused(value):
    with pytest.raises(InputError, match="JSON cannot hold"):
        parse_override(f"model.x={value}")
