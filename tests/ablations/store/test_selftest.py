import json

import pytest

from ablations.store.selftest import Selftest, read_selftest
from m2f.errors import InputError


def test_device_and_speed(store):
    assert read_selftest(store) is None
    content = {"device": "NVIDIA A100", "training_step": {"seconds": 0.5, "flops": 6e12}, "more": 1}
    (store / "selftest.json").write_text(json.dumps(content))
    assert read_selftest(store) == Selftest("NVIDIA A100", 12e12)
    assert read_selftest(store).on_gpu
    (store / "selftest.json").write_text(json.dumps({**content, "device": "cpu"}))
    assert not read_selftest(store).on_gpu


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"device": "cpu"}',
        '{"device": "cpu", "training_step": {"seconds": 0, "flops": 1}}',
        '{"device": 5, "training_step": {"seconds": 1, "flops": 1}}',
        '{"device": "cpu", "training_step": {"seconds": 1, "flops": -1}}',
    ],
)
def test_what_tells_no_speed_is_bad_input(store, content):
    (store / "selftest.json").write_text(content)
    with pytest.raises(InputError, match=r"selftest\.json tells no device and speed; make the self-test again"):
        read_selftest(store)
