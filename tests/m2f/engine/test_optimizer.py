import torch
from mmengine.optim import build_optim_wrapper
from torch import nn

import m2f.registry  # noqa: F401  registers the constructor's scope


class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
        self.head = nn.ModuleDict({"linear": nn.Linear(4, 4), "norm": nn.LayerNorm(4), "queries": nn.Embedding(2, 4)})
        self.relative_position_bias_table = nn.Parameter(torch.zeros(3))
        self.frozen = nn.Parameter(torch.zeros(1), requires_grad=False)


def test_groups_are_the_papers():
    model = Tiny()
    wrapper = build_optim_wrapper(
        model,
        {
            "type": "OptimWrapper",
            "constructor": "m2f.ParameterGroups",
            "paramwise_cfg": {"backbone_lr_mult": 0.1},
            "optimizer": {"type": "AdamW", "lr": 1e-4, "weight_decay": 0.05},
        },
    )
    names = {parameter: name for name, parameter in model.named_parameters()}
    groups = {
        (group["lr"], group["weight_decay"]): sorted(names[parameter] for parameter in group["params"])
        for group in wrapper.optimizer.param_groups
    }
    assert groups == {
        (1e-5, 0.05): ["backbone.0.bias", "backbone.0.weight"],
        (1e-5, 0.0): ["backbone.1.bias", "backbone.1.weight"],
        (1e-4, 0.05): ["head.linear.bias", "head.linear.weight"],
        (1e-4, 0.0): ["head.norm.bias", "head.norm.weight", "head.queries.weight", "relative_position_bias_table"],
    }
