import torch

from m2f.timing import gemm_peak as module
from m2f.timing.gemm_peak import gemm_peak

CPU = torch.device("cpu")


def test_both_ways_are_the_same_product_and_the_fastest_run_counts(monkeypatch):
    monkeypatch.setattr(module, "TRIES", 3)
    products, times = [], iter([1.0, 4.0, 2.0, 3.0, 1.0, 4.0, 4.0, 4.0])

    def seconds(way, device):
        products.append(way().squeeze())
        return next(times)

    monkeypatch.setattr(module, "seconds", seconds)
    assert gemm_peak(torch.float32, CPU, side=8) == 8**3 / 2.0
    torch.testing.assert_close(products[0], products[-1].reshape(8, 8))


def test_a_machine_computes_at_least_a_gigaflop():
    assert gemm_peak(torch.float32, CPU, side=256) > 1e9
