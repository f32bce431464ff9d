import torch
from mmdet.models.layers import SinePositionalEncoding

from m2f.models.transformer_decoder import SelectedQueries
from m2f.models.transformer_decoder.queries import Seen


def test_the_surest_cells_are_the_queries():
    torch.manual_seed(0)
    queries = SelectedQueries(5, 16)
    classifier = torch.nn.Linear(16, 4)
    pyramid = [torch.randn(2, 16, *size) for size in ((2, 3), (4, 6), (8, 12))]
    features, positions = queries(Seen(pyramid, torch.randn(2, 16, 16, 24), classifier))
    encoding = SinePositionalEncoding(8, normalize=True)
    for image in range(2):
        cells = []
        for level in pyramid:
            sine = encoding(torch.zeros(1, *level.shape[2:], dtype=torch.bool))
            for row in range(level.shape[2]):
                for column in range(level.shape[3]):
                    token = queries.token(level[image, :, row, column])
                    cells.append((float(classifier(token)[:3].max()), token, sine[0, :, row, column]))
        best = sorted(cells, key=lambda cell: -cell[0])[:5]
        torch.testing.assert_close(features[image], torch.stack([token for _, token, _ in best]))
        torch.testing.assert_close(positions[image], torch.stack([sine for *_, sine in best]))


def test_they_learn_from_their_own_prediction():
    queries = SelectedQueries(5, 16)
    assert queries.supervised
    assert queries.detached
    pyramid = [torch.randn(2, 16, 4, 4) for _ in range(3)]
    classifier = torch.nn.Linear(16, 4)
    recorded = []
    classifier.register_forward_hook(lambda *_: recorded.append(torch.is_grad_enabled()))
    features, positions = queries(Seen(pyramid, torch.randn(2, 16, 8, 8), classifier))
    assert recorded == [True], "else autocast of PyTorch 2.9 keeps weights that have no gradient"
    features.square().sum().backward()
    assert queries.token[0].weight.grad.any()
    assert not positions.requires_grad
    assert classifier.weight.grad is None, "the choice itself teaches nothing"


def test_of_fewer_cells_all_are_queries():
    queries = SelectedQueries(100, 16)
    pyramid = [torch.randn(2, 16, side, side) for side in (1, 2, 4)]
    features, positions = queries(Seen(pyramid, torch.randn(2, 16, 8, 8), torch.nn.Linear(16, 4)))
    assert features.shape == positions.shape == (2, 21, 16)
    tokens = queries.token(torch.cat([level.flatten(2).transpose(1, 2) for level in pyramid], dim=1))
    torch.testing.assert_close(features.sum(1), tokens.sum(1))
