"""A config that begins from weights of any of the three ecosystems, whatever classes those have."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from m2f.errors import InputError

PARTS = ("backbone", "pixel_decoder", "transformer_decoder")  # of a model; what it is trained for is the config's
NORMALISATION = "data_preprocessor"
FROZEN = {
    "norm_cfg": {"type": "BN", "requires_grad": False},
    "norm_eval": True,
}  # a ResNet's norms, as the paper has it
# At which the paper trains from a pre-trained backbone (section 4.1).
RATE, BACKBONE_RATE = 1e-4, 0.1


def begun_from(config: Mapping[str, Any], weights: str) -> dict[str, Any]:
    """A config whose training begins from weights, with the model that they are of and the paper's learning rate.

    The class predictor is new unless the classes are the same, see ``m2f.engine.weights``.

    Args:
        config: a whole one.
        weights: a file, a directory of transformers', or a web address.

    Raises:
        InputError: they cannot be had or read.
    """
    from m2f.checkpoints import read_checkpoint
    from m2f.checkpoints.architecture import check_layers, recognise
    from m2f.checkpoints.loading import misfits
    from m2f.checkpoints.trained_as import read_trained_as, without_initial_weights
    from m2f.engine.addresses import check_address, fetched

    check_address(weights, "--weights")
    path = fetched(weights, "--weights")
    state, _ = read_checkpoint(path)
    own = read_trained_as(path)
    if own is not None:
        model = {
            **config["model"],
            **{key: own["model"][key] for key in (*PARTS, NORMALISATION) if key in own["model"]},
        }
    else:
        check_layers(state, path)
        architecture = recognise(state)
        if misfits(state, architecture.shapes()):
            raise InputError(
                f"{weights} does not say how its model is built, and it is none of the paper's; set load_from in a "
                "config of its model instead."
            )
        model = {**config["model"], **{key: architecture.config[key] for key in PARTS}}
        if not architecture.backbone.heads:
            model["backbone"] = {**model["backbone"], **FROZEN}
    model = without_initial_weights(model)
    place = weights if "://" in weights else str(Path(weights).expanduser().resolve())
    return {**config, "model": model, "load_from": place, "optim_wrapper": gentle(config["optim_wrapper"])}


def gentle(optim_wrapper: Mapping[str, Any]) -> dict[str, Any]:
    """An optimizer's config at the paper's learning rate, the backbone's a tenth."""
    return {
        **optim_wrapper,
        "optimizer": {**optim_wrapper.get("optimizer", {}), "lr": RATE},
        "paramwise_cfg": {**optim_wrapper.get("paramwise_cfg", {}), "backbone_lr_mult": BACKBONE_RATE},
    }
