"""The site file: how this place carries out runs. TOML, a table for each executor; ``docs/clusters.md`` explains it."""

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, get_args

from ablations.choice import did_you_mean
from m2f.errors import InputError
from m2f.files import read_regular


@dataclass(frozen=True)
class Local:
    """Processes of this machine.

    Attributes:
        jobs: runs at a time; by default one a GPU or group of GPUs, without a GPU two where there are two cores.
        gpus_per_run: GPUs of each run; by default one where there are any.
        processes_per_run: processes that share a run's work; by default one a GPU.
        environment: variables that its processes get.
    """

    jobs: int | None = None
    gpus_per_run: int | None = None
    processes_per_run: int | None = None
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Slurm:
    """Jobs of a Slurm cluster, one a run; what is not given is as the cluster has it.

    Attributes:
        jobs: jobs in the queue and running at a time.
        partition: where they go.
        account: who pays for them.
        qos: their quality of service.
        constraint: features that their nodes must have.
        gpus_per_run: GPUs of each run; 0 on a cluster without.
        processes_per_run: processes that share a run's work; by default one a GPU.
        cpus_per_run: cores of each run; by default four a process.
        memory_gb: memory of each run.
        hours: time limit of a job. A run that is not done by then goes on from its last checkpoint.
        requeues: how often a run may do that.
        setup: shell commands before the run.
        environment: variables that its processes get.
    """

    jobs: int = 64
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    gpus_per_run: int = 1
    processes_per_run: int | None = None
    cpus_per_run: int | None = None
    memory_gb: float | None = None
    hours: float = 24.0
    requeues: int = 20
    setup: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Ray:
    """Tasks of a Ray cluster, one a run.

    Attributes:
        address: where the cluster is; by default the one that ``ray start`` has made on this machine.
        jobs: tasks that wait and run at a time.
        gpus_per_run: GPUs of each run; 0 on a cluster without.
        processes_per_run: processes that share a run's work; by default one a GPU.
        cpus_per_run: cores of each run; by default four a process.
        environment: variables that its processes get.
    """

    address: str = "auto"
    jobs: int = 64
    gpus_per_run: int = 1
    processes_per_run: int | None = None
    cpus_per_run: int | None = None
    environment: dict[str, str] = field(default_factory=dict)


MAY_BE_ZERO = ("gpus_per_run", "requeues")
SITES = {"local": Local, "slurm": Slurm, "ray": Ray}


def read_site(path: Path | None, executor: str) -> Any:
    """What a site file says of an executor; without a file its defaults.

    Raises:
        InputError: the file is missing or no TOML, or has a key or value that is not known.
    """
    if path is None:
        return SITES[executor]()
    try:
        content = tomllib.loads(read_regular(path).decode())
    except FileNotFoundError:
        raise InputError(f"There is no site file {path}; docs/clusters.md shows what one looks like.") from None
    except (OSError, ValueError) as error:
        raise InputError(f"The site file {path} cannot be read: {error}.") from error
    for name in content:
        if name not in SITES:
            raise InputError(
                f"The site file {path} has '{name}'{did_you_mean(name, SITES)}; known are [{'], ['.join(SITES)}]."
            )
    options = {name: _options(path, name, content.get(name, {})) for name in SITES}
    return options[executor]


def _options(path: Path, name: str, table: Any) -> Any:
    """A table as its dataclass."""
    known = {option.name: option.type for option in fields(SITES[name])}
    if not isinstance(table, dict):
        raise InputError(f"'{name}' in the site file {path} must be a table, [{name}].")
    for key, value in table.items():
        if key not in known:
            raise InputError(
                f"The site file {path} has '{key}' under [{name}]{did_you_mean(key, known)}; "
                f"known are {', '.join(known)}."
            )
        if wrong := _wrong(key, value, known[key]):
            raise InputError(f"'{key}' under [{name}] in the site file {path} must be {wrong}, not {value!r}.")
    return SITES[name](**table)


def _wrong(key: str, value: Any, kind: Any) -> str:
    """What a value should be and is not; empty if it is."""
    kinds = [kind, *get_args(kind)]
    if int in kinds or float in kinds:
        numbers, words = ((int,), "a whole number") if int in kinds else ((int, float), "a number")
        fits = type(value) in numbers and (value > 0 or (value == 0 and key in MAY_BE_ZERO))
        return "" if fits else f"{words}{', at least 0' if key in MAY_BE_ZERO else ' above 0'}"
    if kind == list[str]:
        fits = isinstance(value, list) and all(isinstance(item, str) for item in value)
        return "" if fits else "a list of strings"
    if kind == dict[str, str]:
        fits = isinstance(value, dict) and all(isinstance(item, str) for item in value.values())
        return "" if fits else "a table of strings"
    return "" if isinstance(value, str) else "a string"
