"""Which rows of several tables are one design at a scale, told by their configs where no run tells it."""

import json
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from typing import Any

from ablations.planning.plan import ConfigFile, config_of_scale, digest, row_config
from ablations.planning.scales import scale_of_m2f
from ablations.studies.study import Study, Variation
from m2f.errors import InputError

SEED, DATA = 0, ""  # which do not tell designs apart


def design_of(study: Study, variation: Variation, task: str, scale: str) -> str:
    """What decides a row's runs but for seed and data: rows with an equal one are, or will be, the same runs.

    Of a scale of a user's own it is what the row changes.
    """
    again = study.evaluated_again(task)
    replaced = again.overrides if again and not again.adds else {}
    changed = {"imports": variation.imports, "evaluated with": replaced}
    with suppress(InputError):  # the scale has no config of the task, or not all that the row changes
        if file := _config_file(scale, task, variation.dataset):
            return _words({**changed, "config": _digest(file, variation.overrides)})
    return _words({**changed, "data set": variation.dataset, "overrides": variation.overrides})


def _digest(file: ConfigFile, overrides: Mapping[str, Any]) -> str:
    return digest({**row_config(file, overrides), "seed": SEED}, DATA)


@cache
def _config_file(scale: str, task: str, dataset: str) -> ConfigFile | None:
    known = scale_of_m2f(scale)
    return config_of_scale(known, task, dataset) if known else None


def _words(facts: Mapping[str, Any]) -> str:
    return json.dumps(facts, sort_keys=True, default=repr)
