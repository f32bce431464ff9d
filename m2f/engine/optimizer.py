"""The paper's parameter groups for AdamW."""

from collections import defaultdict
from typing import Any

from mmengine.optim import DefaultOptimWrapperConstructor
from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from m2f.registry import OPTIM_WRAPPER_CONSTRUCTORS

WITHOUT_DECAY = (_NormBase, nn.LayerNorm, nn.GroupNorm, nn.Embedding)
POSITION_PARAMETERS = ("relative_position_bias_table", "absolute_pos_embed")


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class ParameterGroups(DefaultOptimWrapperConstructor):
    """No weight decay on norms, embeddings and Swin's position tables; a learning rate of its own for the backbone.

    As the reference does it (train_net.py:build_optimizer), where mmengine's own rules would put decay back on the
    norms of a backbone that has its own learning rate. Parameters that share both settings share a group, so that the
    fused optimizer takes them in one step. ``paramwise_cfg=dict(backbone_lr_mult=0.1)`` is the paper's.
    """

    def _validate_cfg(self) -> None:
        if set(self.paramwise_cfg) != {"backbone_lr_mult"}:
            raise ValueError("optim_wrapper.paramwise_cfg must hold backbone_lr_mult and nothing else")

    def add_params(self, params: list[dict], module: nn.Module, *_args: Any, **_kwargs: Any) -> None:
        """Append the groups of ``module``, the whole model, to ``params``."""
        groups: dict[tuple[float, float], list[nn.Parameter]] = defaultdict(list)
        for path, child in module.named_modules():
            factor = self.paramwise_cfg["backbone_lr_mult"] if path.split(".")[0] == "backbone" else 1.0
            for name, parameter in child.named_parameters(recurse=False):
                if parameter.requires_grad:
                    exempt = isinstance(child, WITHOUT_DECAY) or name in POSITION_PARAMETERS
                    groups[self.base_lr * factor, 0.0 if exempt else self.base_wd].append(parameter)
        params.extend({"params": group, "lr": lr, "weight_decay": decay} for (lr, decay), group in groups.items())
