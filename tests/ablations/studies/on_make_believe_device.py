"""Every design trains a step and predicts on the make-believe device: what ``test_devices.py`` looks at.

In a process of its own, since autograd looks for devices once. Prints by design what was raised, empty if nothing was.
"""

import json
import math

import torch
from make_believe_device import Believed, MakeBelieve, moved

from ablations.selftest.designs import batch, built, designs
from m2f.models.transformer_decoder import LearnableQueries
from m2f.registry import MODELS


@MODELS.register_module()
class ForgetfulQueries(LearnableQueries):
    """Queries that make a tensor and do not say where."""

    def forward(self, seen):
        """As the design, plus nothing."""
        features, positions = super().forward(seen)
        return features + torch.zeros(features.shape), positions


def raised_by(config):
    """What a design's step and prediction raise."""
    model = built(config)
    data = model.data_preprocessor(batch(num_classes=3), training=True)
    data["inputs"] = Believed(data["inputs"])
    for sample in data["data_samples"]:
        truth = sample.gt_instances
        truth.labels, truth.masks = Believed(truth.labels), Believed(truth.masks)
    moved(model)
    try:
        with MakeBelieve():
            if "Inspector" not in config["type"]:  # it shows a trained model
                train_a_step(model, data)
            with torch.no_grad():
                model.eval()(**data, mode="predict")
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def train_a_step(model, data):
    """Loss, gradients and update, all there and finite."""
    optimizer = torch.optim.SGD([own for own in model.parameters() if own.requires_grad], lr=1e-4)
    loss = model.train()(**data, mode="loss")["loss"]
    loss.backward()
    optimizer.step()
    assert math.isfinite(loss.item())
    assert all(isinstance(own.grad, Believed) for own in model.parameters() if own.grad is not None)


torch.set_num_threads(1)
chosen = designs()
baseline = next(iter(chosen.values()))
chosen |= {task: next(iter(designs(task).values())) for task in ("instance", "semantic")}
decoder = baseline["transformer_decoder"]
forgetful = {**decoder, "queries": {**decoder["queries"], "type": "ForgetfulQueries"}}
chosen["planted"] = {**baseline, "transformer_decoder": forgetful}
print(json.dumps({name: raised_by(config) for name, config in chosen.items()}))
