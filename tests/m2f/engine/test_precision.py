import pytest
import torch

from m2f.engine.precision import check_precision
from m2f.engine.train import train
from m2f.errors import InputError


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_mixed_precision_without_a_gpu(smoke, tmp_path):
    with pytest.raises(
        InputError, match=r"optim_wrapper\.type is AmpOptimWrapper, .* set it to OptimWrapper, without dtype"
    ):
        train(smoke(**{"optim_wrapper.type": "AmpOptimWrapper", "optim_wrapper.dtype": "bfloat16"}), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    check_precision(smoke())
