from pathlib import Path

import torch
from mmengine.config import Config

from m2f.peers import own_peer
from m2f.timing import speed

MINI = Path(__file__).parents[3] / "configs" / "mini" / "panoptic.py"


def test_every_model_is_built_and_timed_in_each_round_when_it_is_warm(monkeypatch):
    """Rounds go over all models in turn, and the first run of each does not count."""
    calls, told, built = [], [], []

    def works(config, *sizes):
        built.append(config["name"])
        return [lambda own=(config["name"], work): calls.append(own) for work in ("predict", "train")]

    def seconds(work, device):
        work()
        return float(len(calls))

    monkeypatch.setattr(speed, "works_of_design", works)
    monkeypatch.setattr(speed, "seconds", seconds)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)  # as PyTorch begins
    models = [{"name": "a"}, {"name": "b"}]
    first, second = speed.measure_speed(models, (64, 64), (64, 64), lambda *now: told.append(now), repeats=3)
    assert built == ["a", "b"] * 3
    assert calls == [(name, work) for name in built for work in ("predict", "train") for _ in range(2)]
    assert told == [(done, 6) for done in range(7)]
    assert not torch.backends.cudnn.allow_tf32, "float32 is meant, in convolutions too"
    assert first[0] == speed.Timing(median=10.0, fastest=2.0, slowest=18.0)
    assert second[1] == speed.Timing(median=16.0, fastest=8.0, slowest=24.0)


def test_any_design_is_timed_in_the_works_of_a_peer(monkeypatch):
    """A prediction of a wide image and a step on a square one."""
    (peers, done) = [], []

    def watched(model):
        peer = own_peer(model)
        loss, predict = peer.loss, peer.predict
        peer.loss = lambda images, *truth: done.append(("train", images.shape, peer.training)) or loss(images, *truth)
        peer.predict = lambda images, sizes: done.append(("predict", images.shape, sizes)) or predict(images, sizes)
        peers.append(peer)
        return peer

    monkeypatch.setattr(speed, "own_peer", watched)
    model = Config.fromfile(MINI).model.to_dict()
    model["transformer_decoder"]["cross_attention"] = {"type": "m2f.MaskPooling"}
    predict, train = speed.works_of_design(model, (64, 96), (64, 64), torch.device("cpu"))
    predict()
    assert all(weight.grad is None for weight in peers[0].parameters())
    train()
    assert any(weight.grad is not None for weight in peers[0].parameters())
    assert done == [("predict", (1, 3, 64, 96), [(64, 96)]), ("train", (1, 3, 64, 64), True)]
