import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch
from mmcv.ops import multi_scale_deform_attn
from mmcv.ops.multi_scale_deform_attn import multi_scale_deformable_attn_pytorch

from m2f import compiled_ops
from m2f.compiled_ops import compiled_ops_available, samples_a_one, triton_available, triton_starts


def raising(*_):
    raise RuntimeError("implementation for device cuda:0 not found")


OPS = {
    "one that computes": lambda value, sizes, starts, places, weights, step: multi_scale_deformable_attn_pytorch(
        value, sizes, places, weights
    ),
    "one built for another GPU, which leaves zeros": lambda value, *_: torch.zeros(1, 1, 1),
    "one built for CPUs alone": raising,
}


@pytest.mark.parametrize("op", OPS)
def test_an_op_is_believed_when_it_has_computed(op, monkeypatch):
    monkeypatch.setattr(multi_scale_deform_attn.MultiScaleDeformableAttnFunction, "apply", OPS[op])
    assert samples_a_one(torch.device("cpu")) == (op == "one that computes")


def test_an_installed_op_that_does_not_run_is_not_available(monkeypatch):
    tried = []

    def tries(device):
        tried.append(device)
        return False

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 7)
    monkeypatch.setattr(compiled_ops, "ops_installed", lambda: True)
    monkeypatch.setattr(compiled_ops, "samples_a_one", tries)
    assert not compiled_ops_available()
    assert not compiled_ops_available()
    assert tried == [torch.device("cuda:7")]


def test_without_a_gpu_none_is_available(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(compiled_ops, "ops_installed", lambda: True)
    assert not compiled_ops_available()


def test_triton_is_available_where_it_starts(monkeypatch):
    """Without a C compiler it starts nothing, however well it is installed."""

    class Driver:
        @property
        def active(self):
            raise RuntimeError("Failed to find C compiler.\nSpecify CC")

    monkeypatch.setattr(compiled_ops.importlib.util, "find_spec", lambda name: object())
    monkeypatch.setitem(sys.modules, "triton", ModuleType("triton"))
    runtime = ModuleType("triton.runtime")
    runtime.driver = Driver()
    monkeypatch.setitem(sys.modules, "triton.runtime", runtime)
    triton_starts.cache_clear()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert triton_available(), "nobody asks it to start anything"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with pytest.warns(UserWarning, match=r"Triton does not start \(Failed to find C compiler\.\), .* install a C comp"):
        assert not triton_available()
    assert not triton_available()
    triton_starts.cache_clear()
    runtime.driver = SimpleNamespace(active=SimpleNamespace(get_current_target=lambda: "sm_90"))
    assert triton_available()
    triton_starts.cache_clear()


def test_what_is_available_is_known_when_a_model_is_compiled():
    def function(tensor):
        return tensor + (1 if compiled_ops_available() else 2) + (10 if triton_available() else 20)

    compiled = torch.compile(function, backend="eager", fullgraph=True)
    assert torch.equal(compiled(torch.zeros(1)), function(torch.zeros(1)))
