import torch

from ablations.selftest.kernels import beside_formulation, by_grid_sampling, kernels_here

CPU = torch.device("cpu")


def test_the_kernel_for_cpus_is_right_and_another_is_not():
    ((_, kernel, dtype),) = kernels_here(CPU)
    assert all(difference <= bound for _, difference, bound in beside_formulation(kernel, dtype, CPU))

    def shifted(value, sizes, reference, offsets, scores, softmax):
        return by_grid_sampling(value, sizes, reference, offsets + 0.01, scores, softmax)

    assert not any(difference <= bound for _, difference, bound in beside_formulation(shifted, dtype, CPU))
