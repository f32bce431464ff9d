"""What a training writes into its checkpoints of its model."""

from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from m2f.checkpoints.trained_as import write_trained_as
from m2f.metrics.coco_results import own_category_ids
from m2f.registry import HOOKS


@HOOKS.register_module()
class KeepTrainedAs(Hook):
    """Have each checkpoint say what :class:`m2f.checkpoints.trained_as.TrainedAs` has."""

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict[str, Any]) -> None:
        """Write it."""
        config, dataset = runner.cfg.to_dict(), runner.val_dataloader.dataset
        content = {
            "task": config["model"]["task"],
            "dataset_name": str(config.get("dataset_name", "")),
            "model": config["model"],
            "pipeline": config["val_dataloader"]["dataset"]["pipeline"],
            "classes": list(dataset.metainfo["classes"]),
            "category_ids": own_category_ids(dataset),
        }
        palette = dataset.metainfo.get("palette")
        if palette:
            content["palette"] = [[int(channel) for channel in colour] for colour in palette]
        write_trained_as(checkpoint["meta"], content)
