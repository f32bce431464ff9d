"""A packed store: what a repository keeps of a store. It is read as a store is; nothing can be trained in it.

    results.csv                the results frame, sorted: every metric of every run
    runs/<run>.json.xz         a run's record: the texts of the small files of its directory, by name
    runs/<run>/samples/        pictures, as the run's directory has them, of a few runs; attention/ likewise

A record is written once and never again: packing what has been added since changes no other. A results frame without
records, such as a report's ``results.csv``, is read in the same way; its numbers are then all there is.
"""

import errno
import lzma
import os
import re
from collections.abc import Mapping
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ablations.metric_names import LONGEST_NAME, is_name
from ablations.store.results_frame import COLUMNS, Results, require_one_run_per_seed, whole_runs
from ablations.store.run_record import IDENTITY, RunRecord
from m2f.errors import InputError
from m2f.files import read_regular

if TYPE_CHECKING:
    import pandas as pd

RESULTS, RUNS, SUFFIX = "results.csv", "runs", ".json.xz"
SCALARS = "/vis_data/scalars.json"  # how the names of logs of losses end
LARGEST_RECORD = 2**26  # bytes of a record's text
RUN_NAME = re.compile(r"[0-9a-f]{16}")
FILE_NAME = re.compile(r"(?!claim\.)\w[\w.-]*|\w[\w-]*/vis_data/scalars\.json", re.ASCII)  # of a record's files
MEND = "pack it again from the store that it came from"


class PackedRun(RunRecord):
    """A run whose small files are in memory, and whose pictures, if there are any, in its directory.

    Args:
        directory: where its pictures are.
        files: the others, by name.
    """

    mend = MEND

    def __init__(self, directory: Path, files: Mapping[str, bytes]) -> None:
        super().__init__(directory)
        self.files = files

    def _has(self, name: str) -> bool:
        return name in self.files

    def _content(self, name: str) -> bytes:
        if name not in self.files:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
        return self.files[name]

    def _scalars(self) -> list[tuple[str, str]]:
        return [(name.removesuffix(SCALARS), name) for name in self.files if name.endswith(SCALARS)]


class NumbersOfRun(PackedRun):
    """A run of which its numbers are all that is known, and what a results frame says of it.

    Args:
        directory: how sentences name it.
        facts: of its line in a results frame.
        metrics: its numbers by name.
    """

    mend = "name the store that it came from"
    recorded = False

    def __init__(self, directory: Path, facts: Mapping[str, Any], metrics: Mapping[str, float]) -> None:
        identity = {
            **{key: facts[key] for key in ("task", "scale", "seed", "dataset", "split")},
            **{"digest": directory.name, "config": f"configs/{facts['scale']}/{facts['task']}.py", "overrides": {}},
            **{"data_fingerprint": "", "data_directory": "data"},
        }
        super().__init__(directory, {IDENTITY: msgspec.json.encode(identity)})
        self.known = dict(metrics)

    @cached_property
    def metrics(self) -> dict[str, float]:
        """Its numbers by name."""
        return self.known


def is_packed(path: Path) -> bool:
    """Whether a directory is a packed store."""
    return (path / RESULTS).is_file() and not (path / "sweeps").exists()


def read_packed(path: Path) -> Results:
    """All results of a packed store (a directory), or of a results frame (a CSV file).

    Raises:
        InputError: it is neither, one row and seed has several values, or a record has other numbers than the frame.
    """
    file, directory = (path / RESULTS, path / RUNS) if path.is_dir() else (path, None)
    frame = read_frame(file)
    require_one_run_per_seed(frame, str(file))
    records, damaged = [], []
    numbers: dict[str, RunRecord] = {}
    for name, own in frame.groupby("run", sort=False):
        if directory is None or not RUN_NAME.fullmatch(str(name)) or not record_path(directory, str(name)).exists():
            numbers[str(name)] = _numbers_of_run(file, own)
            continue
        try:
            records.append(PackedRun(directory / str(name), read_record(record_path(directory, str(name)))))
        except InputError as error:
            damaged.append(f"Left out: {error}")
    runs, faults = whole_runs(records)
    frame = frame[frame["run"].isin([*runs, *numbers])]
    _require_same(frame, runs, file)
    listed = set(frame["run"]) | {record.name for record in records}
    for record in sorted(directory.glob(f"*{SUFFIX}") if directory else ()):
        if record.name.removesuffix(SUFFIX) not in listed and not any(str(record) in line for line in damaged):
            damaged.append(f"Left out: {file} has no line of {record}; {MEND}.")
    return Results(frame, {**runs, **numbers}, (*damaged, *faults), str(path))


def read_frame(path: Path) -> "pd.DataFrame":
    """A results frame that was written as CSV.

    Raises:
        InputError: the file is something else.
    """
    import pandas as pd

    texts = [column for column in COLUMNS if column not in ("seed", "value")]
    try:
        frame = pd.read_csv(
            BytesIO(read_regular(path)),
            dtype={**dict.fromkeys(texts, str), "seed": int, "value": float},
            keep_default_na=False,
            na_values={"value": ["", "nan", "NaN"]},
            float_precision="round_trip",
        )
    except (OSError, ValueError, OverflowError) as error:
        raise InputError(f"{path} is not a results frame ({error}); `m2f report` writes one, results.csv.") from error
    lacking = [column for column in COLUMNS if column not in frame]
    if lacking:
        raise InputError(f"{path} lacks the column '{lacking[0]}' of a results frame; `m2f report` writes one.")
    for column in texts:
        for word in frame[column].unique():
            if word and not is_name(word):
                raise InputError(f"{path} has {word[:LONGEST_NAME]!r} as a {column}; give them names to print.")
    return frame[list(COLUMNS)]


def record_path(directory: Path, name: str) -> Path:
    """The file of a run's record."""
    return directory / f"{name}{SUFFIX}"


def read_record(path: Path) -> dict[str, bytes]:
    """The files of a run's record, by name.

    Raises:
        InputError: it is damaged.
    """
    try:
        unpacker = lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=2 * LARGEST_RECORD)
        text = unpacker.decompress(read_regular(path), LARGEST_RECORD)
        if not unpacker.eof:
            raise ValueError("it is cut off, or larger than a record is")
        files = msgspec.json.decode(text, type=dict[str, str])
        for name in files:
            if not FILE_NAME.fullmatch(name):
                raise ValueError(f"it has a file {name[:LONGEST_NAME]!r}")
        return {name: content.encode() for name, content in files.items()}
    except (OSError, EOFError, lzma.LZMAError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be used ({error}); {MEND}.") from error


def _numbers_of_run(file: Path, own: "pd.DataFrame") -> NumbersOfRun:
    """A run from its lines of a results frame."""
    facts = {str(key): fact for key, fact in own.to_dict("records")[0].items()}
    told = own[own["value"].notna()]
    metrics = dict(zip(told["metric"], told["value"].astype(float), strict=True))
    return NumbersOfRun(file / facts["run"], {**facts, "seed": int(facts["seed"])}, metrics)


def _require_same(frame: "pd.DataFrame", runs: Mapping[str, RunRecord], file: Path) -> None:
    """See that the lines of runs with a record say what these say."""
    recorded = frame[frame["run"].isin(list(runs))]
    for (name, *_), own in recorded.groupby(["run", "table", "variant"], sort=False):
        if dict(zip(own["metric"], own["value"], strict=True)) != runs[str(name)].metrics:
            raise InputError(f"{file} has other numbers of the run {name} than its record in {RUNS}/; {MEND}.")
