"""No design makes a tensor on the CPU for one that is on a GPU, seen without a GPU."""

import json
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def raised(run_script, tmp_path_factory):
    """By design, what its training step or its prediction raised on the make-believe device."""
    script = Path(__file__).with_name("on_make_believe_device.py")
    ended = run_script(script, directory=tmp_path_factory.mktemp("device"))
    assert ended.returncode == 0, ended.stderr[-4000:]
    return json.loads(ended.stdout.splitlines()[-1])


def test_every_design_stays_on_its_device(raised):
    assert len(raised) > 25
    assert {name: error for name, error in raised.items() if error and name != "planted"} == {}


def test_a_tensor_that_was_made_elsewhere_is_seen(raised):
    assert raised["planted"].startswith("MixedDevicesError: aten::add was given tensors of the CPU, [(2, 8, 16)], with")
