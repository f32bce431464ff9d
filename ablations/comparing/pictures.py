"""Predictions of several designs on the same images, drawn anew from the checkpoints of their runs."""

from collections.abc import Sequence

from mmengine import Config

from ablations.comparing.designs import SideBySide
from ablations.store.run_record import CONFIG, RunRecord
from m2f.data.paths import resolve_data_paths
from m2f.engine.evaluate import last_checkpoint
from m2f.engine.redraw import drawn_predictions
from m2f.errors import InputError
from m2f.registered_types import require_registered


def drawn_images(designs: SideBySide, images: Sequence[str]) -> tuple[dict[str, bytes], str]:
    """Pictures of the first seed that all designs have.

    Args:
        designs: whose runs have the checkpoints.
        images: ids, as text.

    Returns:
        PNGs by name, ``samples/<place of the design>-<image>_<kind>``, and why there are none.
    """
    common = set.intersection(*(set(design.runs) for design in designs.designs))
    if not images:
        return {}, ""
    if not common:
        return {}, "the designs have no seed in common."
    pictures: dict[str, bytes] = {}
    try:
        for place, design in enumerate(designs.designs):
            pictures |= {
                f"samples/{place}-{name}": picture
                for name, picture in _drawn(design.runs[min(common)], images).items()
                if place == 0 or name.endswith(("_prediction.png", "_errors.png"))
            }
    except InputError as error:
        return {}, str(error)
    return pictures, ""


def _drawn(run: RunRecord, images: Sequence[str]) -> dict[str, bytes]:
    checkpoint = last_checkpoint(run.directory)
    run.require_imported()
    require_registered(run.config, str(run.directory / CONFIG))
    config = resolve_data_paths(Config(run.config), run.identity["data_directory"])
    return drawn_predictions(config, checkpoint, images)
