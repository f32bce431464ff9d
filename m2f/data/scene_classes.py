"""The classes of the generated scenes: what a shape, a texture and a colour is.

Six thing classes differ in shape; each also has a base colour and a texture of its own. Four stuff classes are told
apart by colour and texture alone. Coordinates are integers in steps of 1/16 pixel, so every pixel is decided exactly.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

STEPS = 16  # sub-pixel steps per pixel

Grid = NDArray[np.int64]  # coordinates or lengths in steps
Mask = NDArray[np.bool_]


def disk(u: Grid, v: Grid, radius: int) -> Mask:
    """Everything within ``radius``."""
    return u * u + v * v <= radius * radius


def square(u: Grid, v: Grid, radius: int) -> Mask:
    """Half a side is 7/8 of the radius."""
    return 8 * np.maximum(abs(u), abs(v)) <= 7 * radius


def triangle(u: Grid, v: Grid, radius: int) -> Mask:
    """Apex at ``v = -radius``, base of 26/15 radius at ``v = radius / 2``: equilateral to 0.1%."""
    return (2 * v <= radius) & (45 * abs(u) <= 26 * (v + radius))


def ring(u: Grid, v: Grid, radius: int) -> Mask:
    """A disk with a hole of 5/8 of its radius, through which one sees what lies behind."""
    distance = u * u + v * v
    return (distance <= radius * radius) & (64 * distance >= 25 * radius * radius)


def cross(u: Grid, v: Grid, radius: int) -> Mask:
    """Two crossing beams, each half as thick as 2/3 of its length."""
    across, along = np.minimum(abs(u), abs(v)), np.maximum(abs(u), abs(v))
    return (along <= radius) & (3 * across <= radius)


def bar(u: Grid, v: Grid, radius: int) -> Mask:
    """A thin bar: 5/2 of the radius long and 5/14 thick."""
    return (4 * abs(u) <= 5 * radius) & (28 * abs(v) <= 5 * radius)


def plain(u: Grid, v: Grid, period: int) -> Mask:
    """No second colour anywhere."""
    return np.zeros(u.shape, dtype=bool)


def stripes(u: Grid, v: Grid, period: int) -> Mask:
    """Stripes across ``u``."""
    return u % period * 2 < period


def checker(u: Grid, v: Grid, period: int) -> Mask:
    """A checkerboard of fields half a period wide."""
    return (u % period * 2 < period) ^ (v % period * 2 < period)


def dots(u: Grid, v: Grid, period: int) -> Mask:
    """One dot of a third of a period's radius per period."""
    du, dv = u % period - period // 2, v % period - period // 2
    return 9 * (du * du + dv * dv) <= period * period


def mesh(u: Grid, v: Grid, period: int) -> Mask:
    """Crossing lines a quarter of a period thick."""
    return (u % period * 4 < period) | (v % period * 4 < period)


Pattern = Callable[[Grid, Grid, int], Mask]


@dataclass(frozen=True)
class SceneClass:
    """A class of the scenes; ``shape`` is None for stuff."""

    category_id: int
    name: str
    colour: tuple[int, int, int]  # RGB
    texture: Pattern
    shape: Pattern | None = None

    def category(self) -> dict[str, Any]:
        """The class as an entry of COCO's ``categories`` list."""
        return {
            "id": self.category_id,
            "name": self.name,
            "supercategory": "thing" if self.shape else "stuff",
            "isthing": int(self.shape is not None),
            "color": list(self.colour),
        }


# Category ids have gaps, as COCO's have, so that the mapping to contiguous labels is exercised.
THINGS = (
    SceneClass(1, "disk", (205, 60, 55), stripes, disk),
    SceneClass(2, "square", (60, 100, 205), checker, square),
    SceneClass(4, "triangle", (70, 170, 75), dots, triangle),
    SceneClass(7, "ring", (215, 150, 45), plain, ring),
    SceneClass(8, "cross", (150, 75, 190), mesh, cross),
    SceneClass(13, "bar", (45, 165, 170), plain, bar),
)
STUFF = (
    SceneClass(92, "meadow", (115, 145, 90), dots),
    SceneClass(95, "water", (90, 125, 155), stripes),
    SceneClass(100, "sand", (190, 170, 130), plain),
    SceneClass(125, "slate", (120, 112, 122), checker),
)
CATEGORIES = [scene_class.category() for scene_class in THINGS + STUFF]
