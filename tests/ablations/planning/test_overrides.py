import copy

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ablations.planning.overrides import apply_overrides, override_as_json, overriding, parse_override, with_settings
from ablations.studies.study import Setting, Times
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


MODEL = {
    "pixel_decoder": {"type": "MSDeformAttn", "in_channels": [16, 32, 64, 128], "num_layers": 2, "norm_groups": 8},
    "transformer_decoder": {"type": "MaskedAttentionDecoder", "num_heads": 4, "cross_attention": {"type": "SMCA"}},
    "backbone": {"type": "mmdet.ResNet", "depth": 18},
}


def decoders(**overrides):
    return apply_overrides(MODEL, {key.replace("__", "."): value for key, value in overrides.items()})


def test_a_component_takes_options_that_its_config_leaves_at_their_defaults():
    changed = decoders(transformer_decoder__dropout=0.1, pixel_decoder__num_points=2, backbone__norm_eval=False)
    assert changed == {
        "pixel_decoder": {**MODEL["pixel_decoder"], "num_points": 2},
        "transformer_decoder": {**MODEL["transformer_decoder"], "dropout": 0.1},
        "backbone": {**MODEL["backbone"], "norm_eval": False},
    }


def test_a_new_type_drops_what_it_does_not_take():
    changed = decoders(pixel_decoder__type="FPN")
    assert changed == {**MODEL, "pixel_decoder": {"type": "FPN", "in_channels": [16, 32, 64, 128], "norm_groups": 8}}


def test_options_beside_a_new_type_are_those_of_the_new_type():
    """Whatever their order; 'norm_groups' comes before 'type' by name, 'type' before 'typo'."""
    changed = decoders(pixel_decoder__embed_dims=64, pixel_decoder__norm_groups=4, pixel_decoder__type="FPN")
    expected = {"type": "FPN", "in_channels": [16, 32, 64, 128], "norm_groups": 4, "embed_dims": 64}
    assert changed["pixel_decoder"] == expected
    with pytest.raises(InputError, match="FPN takes in_channels, embed_dims, norm_groups"):
        decoders(pixel_decoder__num_layers=1, pixel_decoder__type="FPN")


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("transformer_decoder.dropuot", "has no 'dropuot' (did you mean 'dropout'?); MaskedAttentionDecoder takes "),
        ("transformer_decoder.cross_attention.heads", "SMCA takes embed_dims, num_heads, dropout."),
        ("transformer_decoder.dropout.rate", "'transformer_decoder' has no 'dropout'"),
        ("backbone.dept", "(did you mean 'depth'?); mmdet.ResNet takes depth, "),
    ],
)
def test_an_option_that_a_component_does_not_take_is_bad_input(key, words):
    with pytest.raises(InputError) as caught:
        apply_overrides(MODEL, {key: 1})
    assert words in str(caught.value)


def test_an_option_that_is_set_to_its_default_changes_nothing():
    assert decoders(transformer_decoder__num_layers=9, transformer_decoder__dropout=0.0) == MODEL
    assert decoders(transformer_decoder__num_layers=Times(1)) == MODEL
    assert decoders(transformer_decoder__num_layers=8) != MODEL
    assert decoders(pixel_decoder__num_layers=6)["pixel_decoder"]["num_layers"] == 6, "which the config has at 2"


def test_a_type_that_is_not_registered_is_bad_input():
    with pytest.raises(InputError, match=r"no registered component: 'FNP' \(did you mean 'FPN'\?\); --import"):
        decoders(pixel_decoder__type="FNP")


ROWS = {
    "pixel_decoder.type": "FPN",
    "pixel_decoder.norm_groups": Times(0.5),
    "pixel_decoder.embed_dims": 64,
    "transformer_decoder.cross_attention": {"type": "MaskPooling"},
    "transformer_decoder.cross_attention.type": "MaskedAttention",
    "transformer_decoder.num_layers": Times(2 / 3),
    "transformer_decoder.type": "MaskedAttentionDecoder",
    "backbone.depth": Times(2),
}


@given(st.permutations(sorted(ROWS)))
def test_the_order_of_overrides_does_not_matter(keys):
    changed = apply_overrides(MODEL, {key: ROWS[key] for key in keys})
    assert changed == apply_overrides(MODEL, ROWS)
    assert changed["pixel_decoder"]["norm_groups"] == 4
    assert changed["transformer_decoder"]["cross_attention"] == {"type": "MaskedAttention"}
    assert changed["transformer_decoder"]["num_layers"] == 6, "two thirds of the default, 9"


@given(st.integers(-1000, 1000) | st.floats(-1e3, 1e3), st.floats(0.1, 10))
def test_times_keeps_whole_numbers_whole(number, factor):
    product = apply_overrides({"x": number}, {"x": Times(factor)})["x"]
    assert type(product) is type(number)
    assert abs(product - number * factor) <= (0.5 if isinstance(number, int) else 0)


@given(st.integers(1, 1000), st.floats(0.01, 10), st.integers(2, 9))
def test_times_gives_the_nearest_multiple_and_once_it_at_least(number, factor, multiple_of):
    product = apply_overrides({"x": number}, {"x": Times(factor, multiple_of)})["x"]
    assert product % multiple_of == 0
    assert product == multiple_of or (product > 0 and abs(product - number * factor) <= multiple_of / 2)


@pytest.mark.parametrize("number", [0, -3])
def test_a_multiple_of_nothing_is_bad_input(number):
    with pytest.raises(InputError, match=f"multiple_of={number}"):
        Times(0.5, number)


@example(2**53 + 1)
@example(10**400)
@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_times_one_changes_nothing(number):
    assert apply_overrides({"x": [number]}, {"x.0": Times(1)}) == {"x": [number]}


@pytest.mark.parametrize("value", ["8", None, True, [8], {"a": 1}])
def test_times_wants_a_number(value):
    with pytest.raises(InputError, match="the config has no number there"):
        apply_overrides({"x": value}, {"x": Times(2)})


def test_settings_take_their_values_from_the_config_file():
    settings = {"schedules": {"100_epochs": {"max_iters": 600}}}
    overrides = {"a": Setting("schedules.100_epochs"), "b": Setting("schedules.100_epochs.max_iters"), "c": 3}
    resolved = with_settings(overrides, settings, "configs/mini/panoptic.py")
    assert resolved == {"a": {"max_iters": 600}, "b": 600, "c": 3}


@pytest.mark.parametrize("name", ["schedule", "schedules.25_epochs", "schedules.100_epochs.max_iters.deep"])
def test_a_setting_that_is_not_there_is_bad_input(name):
    settings = {"schedules": {"100_epochs": {"max_iters": 600}}}
    with pytest.raises(InputError, match=rf"^configs/mini/panoptic\.py has no setting '{name}'"):
        with_settings({"train_cfg": Setting(name)}, settings, "configs/mini/panoptic.py")


def test_json_of_overrides():
    assert override_as_json(Times(0.5)) == {"times": 0.5}
    assert override_as_json(Times(2 / 3, multiple_of=3)) == {"times": 2 / 3, "multiple_of": 3}
    assert override_as_json(Setting("schedules.100_epochs")) == {"setting": "schedules.100_epochs"}
    assert override_as_json([[32]]) == [[32]]


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


def test_a_value_may_be_a_setting_of_the_config():
    assert parse_override("a.b=settings.sizes.large") == ("a.b", Setting("sizes.large"))
    config = {"a": {"b": [1]}, "settings": {"sizes": {"large": [8, 9]}}}
    assert overriding(["a.b=settings.sizes.large"], "file.py")(config)["a"] == {"b": [8, 9]}
    with pytest.raises(InputError, match=r"file\.py has no setting 'sizes\.huge'"):
        overriding(["a.b=settings.sizes.huge"], "file.py")(config)


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
