"""All settings of a component, defaults included, from its config."""

import inspect
from collections.abc import Mapping
from typing import Any

from m2f.errors import InputError
from m2f.registry import MODELS

NEEDED = {"pixel_decoder": "MSDeformAttn", "transformer_decoder": "MaskedAttentionDecoder"}
NESTED = {"queries": "LearnableQueries", "cross_attention": "MaskedAttention"}


def settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """What a registered component is built with: its config's values and its own defaults."""
    given = {key: value for key, value in config.items() if key != "type"}
    signature = inspect.signature(MODELS.get(config["type"]))
    bound = signature.bind_partial(**given)
    bound.apply_defaults()
    return dict(bound.arguments)


def require_papers_design(model_config: Mapping[str, Any]) -> None:
    """Refuse a model that other libraries do not have.

    Raises:
        InputError: a component is another than the paper's default.
    """
    decoder = model_config["transformer_decoder"]
    parts = {key: (model_config[key]["type"], wanted) for key, wanted in NEEDED.items()}
    parts |= {f"transformer_decoder.{key}": (decoder[key]["type"], wanted) for key, wanted in NESTED.items()}
    for key, (given, wanted) in parts.items():
        if given.removeprefix("m2f.") != wanted:
            raise InputError(f"mmdet and transformers have no {given}: model.{key}.type must be {wanted}.")
