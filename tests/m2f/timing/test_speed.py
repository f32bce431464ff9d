from pathlib import Path

import torch
from mmengine.config import Config

from m2f.timing import speed

MINI = Path(__file__).parents[3] / "configs" / "mini" / "panoptic.py"


def test_every_model_is_timed_as_often_as_asked_after_a_warm_up(monkeypatch):
    """Rounds go over all works in turn, and the first does not count."""
    order = []

    def seconds(work, device):
        order.append(work)
        return 100.0 if len(order) <= 4 else float(len(order))

    monkeypatch.setattr(speed, "seconds", seconds)
    model = Config.fromfile(MINI).model.to_dict()
    (first, second) = speed.measure_speed([model, model], (64, 64), (64, 64), repeats=3)
    assert order == order[:4] * 4
    assert first[0] == speed.Timing(median=9.0, fastest=5.0, slowest=13.0)
    assert second[1] == speed.Timing(median=12.0, fastest=8.0, slowest=16.0)


def test_a_step_trains_and_a_prediction_does_not():
    model = speed.build(Config.fromfile(MINI).model, torch.device("cpu"))
    weights = model.transformer_decoder.classifier.weight
    before = weights.detach().clone()
    assert speed.seconds(speed.prediction(model, (64, 96), torch.device("cpu")), torch.device("cpu")) > 0
    assert torch.equal(weights, before)
    speed.training_step(model, (64, 64), torch.device("cpu"))()
    assert not torch.equal(weights, before)
