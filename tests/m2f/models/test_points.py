import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from m2f.models.points import sample_points, uncertain_points


def test_sampling_at_pixel_centres_reads_the_pixels():
    maps = torch.arange(12.0).view(1, 1, 3, 4)
    y, x = torch.meshgrid((torch.arange(3) + 0.5) / 3, (torch.arange(4) + 0.5) / 4, indexing="ij")
    points = torch.stack([x, y], dim=-1).view(1, 12, 2)
    torch.testing.assert_close(sample_points(maps, points), maps.flatten(2))


def test_sampling_between_pixels_is_bilinear_and_zero_outside():
    maps = torch.tensor([[[[1.0, 3.0]]]])
    points = torch.tensor([[[0.5, 0.5], [0.0, 0.5]]])  # between the pixels; on the left edge, half outside
    torch.testing.assert_close(sample_points(maps, points), torch.tensor([[[2.0, 0.5]]]))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), importance=st.sampled_from([0.0, 0.5, 0.75, 1.0]))
def test_uncertain_points_are_the_least_certain_candidates(seed, importance):
    torch.manual_seed(seed)
    logits = torch.randn(3, 1, 8, 8)
    torch.manual_seed(seed)
    candidates = torch.rand(3, 48, 2)
    torch.manual_seed(seed)
    points = uncertain_points(logits, 16, 3.0, importance)
    count = int(importance * 16)
    certainty = sample_points(logits, candidates)[:, 0].abs().sort(dim=1).values
    chosen = sample_points(logits, points)[:, 0, :count].abs().sort(dim=1).values
    assert points.shape == (3, 16, 2)
    torch.testing.assert_close(chosen, certainty[:, :count])
