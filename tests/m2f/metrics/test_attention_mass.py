import pytest
import torch

from m2f.metrics import AttentionMass


def sample(maps, masks):
    return {"attention_maps": maps, "attended_masks": masks}


def evaluate(samples):
    metric = AttentionMass()
    for one in samples:
        metric.process(None, [one])
    return metric.evaluate(len(samples))


def random_maps(queries, height, width):
    return torch.rand(queries, height * width).softmax(dim=1).view(queries, height, width)


def mass_by_loop(weights, mask):
    """Every pixel of a cell carries an equal part of the cell's weight; those of the foreground are summed."""
    cell_height, cell_width = mask.shape[0] // weights.shape[0], mask.shape[1] // weights.shape[1]
    total = 0.0
    for row in range(mask.shape[0]):
        for column in range(mask.shape[1]):
            if mask[row, column]:
                total += float(weights[row // cell_height, column // cell_width]) / (cell_height * cell_width)
    return total


def test_same_as_a_loop_over_queries_and_cells():
    """Images with different numbers of queries: the mean is over all queries, not over images."""
    torch.manual_seed(0)
    samples = []
    for queries in (1, 3, 0):
        maps = {32: random_maps(queries, 2, 3), 16: random_maps(queries, 4, 6), 8: random_maps(queries, 8, 12)}
        samples.append(sample(maps, torch.rand(queries, 64, 96) < torch.rand(queries, 1, 1)))
    expected = {}
    for stride in (32, 16, 8):
        masses = [
            mass_by_loop(weights, mask)
            for one in samples
            for weights, mask in zip(one["attention_maps"][stride], one["attended_masks"], strict=True)
        ]
        assert len(masses) == 4
        expected[f"fg_{stride}"] = sum(masses) / 4
    expected["fg_avg"] = sum(expected.values()) / 3
    expected |= {name.replace("fg", "bg"): 1 - mass for name, mass in expected.items()}
    assert evaluate(samples) == pytest.approx(expected, abs=1e-6)


def test_uniform_attention_has_the_share_of_the_area():
    masks = torch.zeros(2, 32, 32, dtype=torch.bool)
    masks[0, 3:13, 5:25] = True  # 200 pixels
    masks[1, 31, 31] = True
    metrics = evaluate([sample({8: torch.full((2, 4, 4), 1 / 16)}, masks)])
    assert metrics["fg_8"] == metrics["fg_avg"] == pytest.approx((200 + 1) / 2 / 32**2)


def test_attention_within_the_segment_is_all_foreground():
    masks = torch.zeros(1, 32, 32, dtype=torch.bool)
    masks[0, 8:24, :16] = True
    weights = torch.zeros(1, 4, 4)
    weights[0, 1:3, :2] = torch.tensor([[0.5, 0.25], [0.25, 0.0]])
    assert evaluate([sample({8: weights}, masks)])["bg_8"] == pytest.approx(0, abs=1e-9)


def test_nothing_matched_has_no_value():
    assert evaluate([sample({8: torch.zeros(0, 4, 4)}, torch.zeros(0, 32, 32, dtype=torch.bool))]) == {}
