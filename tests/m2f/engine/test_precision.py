import mmengine.device
import pytest
import torch

from m2f.engine.evaluate import evaluation_runner
from m2f.engine.precision import check_precision, precision_of, set_precision
from m2f.engine.train import train
from m2f.errors import InputError

MIXED, FULL = ({"optim_wrapper": {"type": kind}} for kind in ("AmpOptimWrapper", "OptimWrapper"))


@pytest.fixture(autouse=True)
def restored():
    flags = (torch.backends.cuda.matmul, torch.backends.cudnn)
    before = [flag.allow_tf32 for flag in flags]
    yield
    for flag, value in zip(flags, before, strict=True):
        flag.allow_tf32 = value


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_mixed_precision_without_a_gpu(smoke, tmp_path):
    with pytest.raises(
        InputError, match=r"optim_wrapper\.type is AmpOptimWrapper, .* set it to OptimWrapper, without dtype"
    ):
        train(smoke(**{"optim_wrapper.type": "AmpOptimWrapper", "optim_wrapper.dtype": "bfloat16"}), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    check_precision(smoke())


def tf32():
    return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32


def test_tf32_comes_with_mixed_precision_and_goes_with_it():
    on_cpu = torch.backends.mkldnn.matmul.fp32_precision
    set_precision(MIXED)
    assert tf32() == (True, True) and torch.get_float32_matmul_precision() == precision_of(MIXED)["matrix_products"]
    assert torch.backends.mkldnn.matmul.fp32_precision == on_cpu
    set_precision(FULL)
    assert tf32() == (False, False) and torch.get_float32_matmul_precision() == precision_of(FULL)["matrix_products"]


def test_training_and_evaluation_set_it(smoke, tmp_path):
    set_precision(MIXED)
    train(smoke(**{"train_cfg.max_iters": 1}), tmp_path / "training")
    assert tf32() == (False, False)
    evaluation_runner(smoke(**{"optim_wrapper.type": "AmpOptimWrapper"}), tmp_path / "evaluation")
    assert tf32() == (True, True)


@pytest.mark.parametrize(
    ("wrapper", "told"),
    [
        ({"type": "AmpOptimWrapper"}, {"type": "float16", "matrix_products": "high"}),
        ({"type": "AmpOptimWrapper", "dtype": "bfloat16"}, {"type": "bfloat16", "matrix_products": "high"}),
        ({"type": "OptimWrapper"}, {"type": "float32", "matrix_products": "highest"}),
    ],
)
def test_what_a_run_on_a_gpu_tells_of_its_precision(wrapper, told, monkeypatch):
    monkeypatch.setattr(mmengine.device, "get_device", lambda: "cuda")
    assert precision_of({"optim_wrapper": wrapper}) == {"wrapper": wrapper["type"], **told}
