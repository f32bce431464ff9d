"""A part of a preparation: something is made of each image, and annotation files of what is known of all of them.

What is known of an image is kept in a file of lines as soon as its files are written, so that a preparation that is
stopped goes on where it was.
"""

import json
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from m2f.files import write_atomically

Record = dict[str, Any]
Progress = Callable[[str, int, int], None]
"""Is told what is made, how many images are done, and how many there are in all."""

ENOUGH = 64  # images for one more process, which takes a second to start


@dataclass(frozen=True)
class Image:
    """An image of which something is made.

    Attributes:
        id: its name, one of its part.
        sources: the files that it is made of, by what they are.
        target: the file that is made; None where only annotation files are.
        facts: what is known of the image beside its files.
    """

    id: str
    sources: dict[str, Path]
    target: Path | None = None
    facts: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """Something to be made of a data set's split.

    Attributes:
        name: what progress calls it.
        images: those of the split.
        make: writes an image's ``target`` and says what annotation files hold of it, as JSON can hold it.
        finished: the annotation files to be written; none where images' files are all.
        finish: writes them, from what ``make`` said of all images in their order.
        records: where what ``make`` said is kept meanwhile.
    """

    name: str
    images: Sequence[Image]
    make: Callable[[Image], Record]
    records: Path
    finished: tuple[Path, ...] = ()
    finish: Callable[[list[Record]], None] = lambda records: None

    @property
    def is_done(self) -> bool:
        """Whether all its files are there and whole: annotation files are written last."""
        if self.records.exists() or not all(path.is_file() for path in self.finished):
            return False
        return all(image.target is None or image.target.is_file() for image in self.images)


def carry_out(parts: Iterable[Part], progress: Progress, workers: int | None = None) -> None:
    """Make what is not there yet; of a split without images, nothing.

    Args:
        parts: in their order.
        progress: see :data:`Progress`.
        workers: processes; as many as there are cores if not given.
    """
    for part in parts:
        if part.images and not part.is_done:
            make_part(part, progress, workers or os.cpu_count() or 1)


def make_part(part: Part, progress: Progress, workers: int) -> None:
    """Make a part, but for images that are known from an earlier time."""
    known = kept_records(part)
    left = [image for image in part.images if image.id not in known]
    part.records.parent.mkdir(parents=True, exist_ok=True)
    for directory in {image.target.parent for image in part.images if image.target}:
        directory.mkdir(parents=True, exist_ok=True)
    progress(part.name, len(known), len(part.images))
    with part.records.open("a") as lines:
        for image, record in zip(left, in_processes(part.make, left, workers), strict=True):
            known[image.id] = record
            lines.write(json.dumps([image.id, record]) + "\n")
            lines.flush()
            progress(part.name, len(known), len(part.images))
    part.finish([known[image.id] for image in part.images])
    part.records.unlink()


def kept_records(part: Part) -> dict[str, Record]:
    """What is known of the part's images whose files are there; a line that a crash has cut off is left out."""
    if not part.records.exists():
        return {}
    whole = part.records.read_text().splitlines(keepends=True)
    kept = dict(json.loads(line) for line in whole if line.endswith("\n"))
    write_lines(part.records, kept)
    targets = {image.id: image.target for image in part.images}
    return {
        own: record for own, record in kept.items() if own in targets and (not (file := targets[own]) or file.is_file())
    }


def write_lines(path: Path, records: dict[str, Record]) -> None:
    """Write records anew, without what was cut off."""
    write_atomically(path, "".join(json.dumps([own, record]) + "\n" for own, record in records.items()).encode())


def in_processes(make: Callable[[Image], Record], images: Sequence[Image], workers: int) -> Iterator[Record]:
    """What is made of each image, in their order; in processes where there is enough to do to pay for starting them."""
    workers = min(workers, len(images) // ENOUGH)
    if workers <= 1:
        yield from map(make, images)
        return
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        yield from pool.imap(make, images, chunksize=8)


def write_compact_json(path: Path, content: Any) -> None:
    """Write an annotation file, whole or not at all."""
    write_atomically(path, json.dumps(content, separators=(",", ":")).encode())
