"""Figure I(a): where the query of one object looks, at each resolution, with cross- and with masked attention."""

import hashlib
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ablations.reports.section import Section
from ablations.reports.text import listing, run_command
from ablations.store.run_record import RunRecord

TABLE = "Ib"
LABEL = "Figure I(a)"
TITLE = "Where a query looks"
SIDE = 384  # pixels of a picture's longer side
COLOURS = matplotlib.colormaps["inferno"]
GREY = 0.35  # how bright the image is below its map
OUTLINE = (86, 180, 233)

Looks = dict[str, NDArray[Any]]
"""What ``m2f.AttentionSamples`` keeps of an image."""


def attention(
    sections: Sequence[Section], runs: Mapping[str, RunRecord]
) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
    """One figure a scale, of the first image that all designs of Figure I(b) looked at, and the files that it shows."""
    figures = []
    files: dict[str, bytes] = {}
    for section in sections:
        if section.study.table == TABLE:
            looks = looks_of_designs(section, runs)
            images = common_images(list(looks.values()))
            if images:
                chosen = {design: own[images[0]] for design, own in looks.items()}
                data, figure_files = figure(section, chosen, images[0])
                figures.append(data)
                files |= figure_files
    return figures, files


def missing_attention(sections: Sequence[Section], shown: Sequence[dict[str, Any]], store: str) -> list[dict[str, str]]:
    """The figures that could not be shown, as the report lists what is missing, with the commands that make them."""
    gaps = []
    for scale, word in {section.scale: section.scale_word for section in sections}.items():
        if not any(figure["scale"] == scale for figure in shown):
            evaluated = any(section.study.table == TABLE for section in sections if section.scale == scale)
            reason = ": the runs of Figure I(b) are of an earlier version, which kept none" if evaluated else ""
            gaps.append(
                {
                    "label": LABEL,
                    "title": TITLE,
                    "scales": scale,
                    "text": f"{LABEL} has no maps ({scale} scale){reason}",
                    # What is done is not done again, but in another store.
                    "command": run_command(TABLE, word, store=f"{store or 'runs'}-new" if evaluated else store),
                }
            )
    return gaps


def looks_of_designs(section: Section, runs: Mapping[str, RunRecord]) -> dict[str, dict[str, Path]]:
    """What the run of each design with the first seed kept, by image, in the study's order."""
    first = section.results.sort_values("seed", kind="stable").drop_duplicates("variant").set_index("variant")["run"]
    names = (variation.name for variation in section.study.variations)
    return {name: runs[first[name]].attention for name in names if name in first}


def common_images(looks: Sequence[Mapping[str, Path]]) -> list[str]:
    """Images that every design has, in their order."""
    return [image for image in looks[0] if all(image in own for own in looks)] if looks else []


def figure(section: Section, files: Mapping[str, Path], image: str) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The figure of one image, and its pictures."""
    looks = {design: dict(np.load(file)) for design, file in files.items()}
    first = next(iter(looks.values()))
    strides = sorted((int(name.removeprefix("stride_")) for name in first if name.startswith("stride_")), reverse=True)
    pictures = {
        "image": png(sized(first["image"])),
        "truth": png(outlined(first["image"], first["mask"])),
    }
    rows = []
    for design, own in looks.items():
        drawn = [png(outlined(heat(own, stride), own["mask"])) for stride in strides]
        pictures |= {f"{design} {stride}": picture for stride, picture in zip(strides, drawn, strict=True)}
        rows.append({"design": design, "pictures": [name_of(picture) for picture in drawn]})
    shares = [
        f"{design} {listing([f'{share_on_object(own, stride):.0%}' for stride in strides])}"
        for design, own in looks.items()
    ]
    data = {
        "anchor": f"attention-{section.scale}",
        "label": LABEL,
        "title": TITLE,
        "scale": section.scale,
        "note": (
            f"Image {image}, first seed: the query that is matched with its largest segment of at most a quarter of "
            "the image, outlined. Weights of the last layer that reads a resolution, mean over heads, from none (dark) "
            f"to the map's largest. On the segment lie, in the columns' order: {'; '.join(shares)}."
        ),
        "image": name_of(pictures["image"]),
        "truth": name_of(pictures["truth"]),
        "columns": [f"1/{stride}" for stride in strides],
        "rows": rows,
    }
    return data, {name_of(picture): picture for picture in pictures.values()}


def share_on_object(looks: Looks, stride: int) -> float:
    """Part of the weights at a stride that lies on the object, a cell on its border counting in part."""
    weights = looks[f"stride_{stride}"]
    rows, columns = map(int, weights.shape)
    padded = np.zeros(looks["padded"])
    height, width = looks["mask"].shape
    padded[:height, :width] = looks["mask"]
    share = padded.reshape(rows, len(padded) // rows, columns, -1).mean(axis=(1, 3))
    return float((weights * share).sum())


def heat(looks: Looks, stride: int) -> NDArray[np.uint8]:
    """The weights at a stride as colours over the image, RGB ``[h, w, 3]``."""
    image = looks["image"]
    height, width = looks["padded"].tolist()
    weights = looks[f"stride_{stride}"].astype(np.float64)
    spread = cv2.resize(weights, (width, height), interpolation=cv2.INTER_NEAREST)[: image.shape[0], : image.shape[1]]
    strength = (spread / max(spread.max(), np.finfo(float).tiny))[..., None]
    below = image.mean(axis=2, keepdims=True) * GREY
    colours = np.asarray(COLOURS(strength[..., 0]))[..., :3] * 255
    return (below * (1 - strength) + colours * strength).round().astype(np.uint8)


def sized(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The picture, enlarged or shrunk to ``SIDE``."""
    scale = SIDE / max(image.shape[:2])
    method = cv2.INTER_NEAREST if scale > 1 else cv2.INTER_AREA
    return np.ascontiguousarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=method), np.uint8)


def outlined(image: NDArray[np.uint8], mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The picture at its size in the figure, with the object's outline."""
    picture = sized(image)
    large = cv2.resize(mask.astype(np.uint8), picture.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    contours, _ = cv2.findContours(large, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(picture, contours, -1, OUTLINE, 2)
    return picture


def png(pixels: NDArray[np.uint8]) -> bytes:
    """RGB as PNG."""
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def name_of(picture: bytes) -> str:
    """The picture's file, named by its content."""
    return f"samples/{hashlib.sha256(picture).hexdigest()[:16]}.png"
