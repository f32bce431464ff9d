"""``docs/python-interface.md`` has all that the packages offer."""

from importlib import import_module
from inspect import ismodule
from pathlib import Path

import pytest

TEXT = (Path(__file__).parents[2] / "docs" / "python-interface.md").read_text()
MODELS = ("m2f.models", "m2f.models.transformer_decoder", "m2f.models.pixel_decoders", "m2f.models.beside_mmdet")


@pytest.mark.parametrize("package", ["ablations", *MODELS, "m2f.metrics", "m2f.checkpoints", "m2f.cost"])
def test_the_page_has_what_a_package_offers(package):
    module = import_module(package)
    offered = {name for name in module.__all__ if not ismodule(getattr(module, name))}
    assert offered
    assert [name for name in sorted(offered) if f":: {package}.{name}\n" not in TEXT] == []
