"""What a run's model costs, counted from the config in its directory."""

from pathlib import Path

from ablations.costs.counted import with_masks


def inference_flops(run_directory: Path) -> float:
    """Multiply-accumulates of one forward pass of a run's model on the images that the paper counts on.

    Masks are predicted densely after every layer, as in the paper's own numbers.
    """
    from mmengine import Config

    from m2f.cost import flops, images_of

    config = Config.fromfile(run_directory / "config.py").to_dict()
    return flops(with_masks(config["model"], "dense"), images_of(config))
