"""Paint one generated scene: an image, its segment map and its segments, from integers alone.

A scene is a pure function of (seed, split, index, image size). No pixel depends on floating point, on the platform or
on the number of workers: randomness is the raw 64-bit stream of PCG64 (which NumPy keeps stable between versions),
rotations are Pythagorean triples, and everything else is integer arithmetic. Lengths below are for 128 x 128 pixels
and grow with the image.

The distribution:

1. **Stuff.** 3 to 6 Voronoi sites are given 2 or 3 of the 4 stuff classes; all cells of a class are one segment.
   In 1 image of 4 the borders between cells are void: 2 pixels wide between sites 64 pixels apart, wider in inverse
   proportion between nearer ones.
2. **Crowd.** In 1 image of 12, a heap of 4 to 7 small copies of one thing class is one ``iscrowd`` segment.
3. **Things.** 3 to 10, painted back to front in random order, so they overlap freely. The radius is the smaller of two
   uniform draws from 5 to 28 pixels; the class is uniform, the centre uniform over the image, the direction one of 56,
   the aspect ratio 1, 7/8 or 6/8. With probability 1/4 a thing is followed by a copy of its own class, size and
   direction laid beside it, touching or nearly so.
4. **Void.** In 1 image of 8 an unlabelled grey disk lies over the scene.
5. **Visibility.** A thing or crowd is taken out of the picture if fewer than 16 of its pixels, or less than a quarter
   of those that lie within the image, can be seen. Stuff with fewer than 16 visible pixels becomes void.
6. **Colour.** The class's colour, moved by up to 28 per channel and segment; 1 thing in 8 borrows the colour of a
   uniformly drawn thing class, so that only its shape and texture tell it. The texture, in the class's own pattern
   (period 4 to 7 pixels, rotated with the thing), is 24 to 56 darker. The image is brighter or darker by up to 16, and
   every pixel has noise of up to 12 per channel.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import PCG64, SeedSequence
from numpy.typing import NDArray

from m2f.data.scene_classes import STEPS, STUFF, THINGS, Grid, Mask, Pattern, SceneClass

REFERENCE_SIZE = 128  # pixels; the image size for which lengths are stated

THINGS_PER_SCENE = (3, 10)
RADIUS = (5, 28)  # pixels
STUFF_SITES = (3, 6)
STUFF_CLASSES = (2, 3)
ONE_IN_COPIES = 4
ONE_IN_VOID_BORDER = 4
ONE_IN_VOID_DISK = 8
ONE_IN_CROWD = 12
ONE_IN_BORROWED_COLOUR = 8
MINIMUM_AREA = 16  # visible pixels
COLOUR_JITTER = 28
TEXTURE_DEPTH = (24, 56)
TEXTURE_PERIOD = (4, 7)  # pixels
BRIGHTNESS_JITTER = 16
NOISE = 12
VOID_GREY = (150, 150, 150)

# (cosine, sine, hypotenuse) of directions between 0 and 90 degrees; quarter turns give the rest of the circle.
DIRECTIONS = (
    (1, 0, 1),
    (40, 9, 41),
    (24, 7, 25),
    (12, 5, 13),
    (15, 8, 17),
    (4, 3, 5),
    (21, 20, 29),
    (20, 21, 29),
    (3, 4, 5),
    (8, 15, 17),
    (5, 12, 13),
    (7, 24, 25),
    (9, 40, 41),
    (11, 60, 61),
)


@dataclass(frozen=True)
class Scene:
    """A painted scene of ``size`` pixels.

    ``image`` is uint8 RGB [size, size, 3], ``segment_map`` int32 [size, size] with 0 for void, and ``segments`` has one
    ``dict(id, category_id, iscrowd)`` for each other value in the map.
    """

    image: NDArray[np.uint8]
    segment_map: NDArray[np.int32]
    segments: list[dict[str, Any]]


@dataclass(frozen=True)
class Placement:
    """Where a shape lies: centre and radius in steps, direction as (cosine, sine, hypotenuse), aspect in eighths."""

    x: int
    y: int
    radius: int
    direction: tuple[int, int, int]
    aspect: int


@dataclass(frozen=True)
class Layer:
    """One segment to be: its full extent, where in it the texture's second colour goes, and what it is."""

    mask: Mask  # [size, size]
    textured: Mask  # [size, size]
    colours: NDArray[np.int16] | None  # [2, 3], plain and textured; None leaves the colours of what lies below
    scene_class: SceneClass | None  # None is void
    is_crowd: bool = False


def paint(seed: int, split: str, index: int, size: int) -> Scene:
    """Paint scene ``index`` of ``split`` with ``size`` x ``size`` pixels."""
    bits = PCG64(SeedSequence([seed, index, *split.encode()]))
    backdrop = _paint_stuff(bits, size)
    layers = _visible([*_paint_crowd(bits, size), *_paint_things(bits, size), *_paint_void_disk(bits, size)], size)
    return _flatten(bits, [*backdrop, *layers], size)


def _draw(bits: PCG64, low: int, high: int) -> int:
    """Draw an integer between ``low`` and ``high``, both included."""
    return low + ((bits.random_raw() >> 32) * (high - low + 1) >> 32)


def _one_in(bits: PCG64, count: int) -> bool:
    return _draw(bits, 1, count) == 1


def _steps(pixels: int, size: int) -> int:
    """Turn a length in pixels of the reference image into steps of this image."""
    return pixels * STEPS * size // REFERENCE_SIZE


def _place(bits: PCG64, radius: int, size: int) -> Placement:
    cosine, sine, hypotenuse = DIRECTIONS[_draw(bits, 0, len(DIRECTIONS) - 1)]
    for _ in range(_draw(bits, 0, 3)):
        cosine, sine = -sine, cosine
    x, y = _draw(bits, 0, size * STEPS), _draw(bits, 0, size * STEPS)
    return Placement(x, y, radius, (cosine, sine, hypotenuse), _draw(bits, 6, 8))


def _beside(bits: PCG64, place: Placement) -> Placement:
    """A copy of a placement, moved along or across its direction by about its own width."""
    cosine, sine, hypotenuse = place.direction
    if _one_in(bits, 2):
        cosine, sine = -sine, cosine
    distance = place.radius * _draw(bits, 14, 18) // 8
    x, y = place.x + distance * cosine // hypotenuse, place.y + distance * sine // hypotenuse
    return Placement(x, y, place.radius, place.direction, place.aspect)


def _local_grid(place: Placement, size: int) -> tuple[Grid, Grid]:
    """Coordinates of all pixel centres in a placement's own axes, in steps; two arrays [size, size]."""
    centres = np.arange(size, dtype=np.int64) * STEPS + STEPS // 2
    x, y = (centres - place.x)[None, :], (centres - place.y)[:, None]
    cosine, sine, hypotenuse = place.direction
    u = (cosine * x + sine * y) // hypotenuse
    v = (cosine * y - sine * x) * 8 // (hypotenuse * place.aspect)
    return u, v


def _colours(bits: PCG64, colour: tuple[int, int, int]) -> NDArray[np.int16]:
    """Both colours [2, 3] of one segment."""
    plain = [channel + _draw(bits, -COLOUR_JITTER, COLOUR_JITTER) for channel in colour]
    depth = _draw(bits, *TEXTURE_DEPTH)
    return np.array([plain, [channel - depth for channel in plain]], dtype=np.int16)


def _texture(bits: PCG64, pattern: Pattern, u: Grid, v: Grid, size: int) -> Mask:
    return pattern(u, v, _steps(_draw(bits, *TEXTURE_PERIOD), size))


def _choose(bits: PCG64, classes: tuple[SceneClass, ...], count: int) -> list[SceneClass]:
    """Draw ``count`` different classes."""
    left = list(classes)
    return [left.pop(_draw(bits, 0, len(left) - 1)) for _ in range(count)]


def _paint_stuff(bits: PCG64, size: int) -> list[Layer]:
    classes = _choose(bits, STUFF, _draw(bits, *STUFF_CLASSES))
    count = max(len(classes), _draw(bits, *STUFF_SITES))
    sites = np.array([[_draw(bits, 0, size * STEPS), _draw(bits, 0, size * STEPS)] for _ in range(count)], np.int64)
    centres = np.arange(size, dtype=np.int64) * STEPS + STEPS // 2
    across, down = centres[None, None, :] - sites[:, 0, None, None], centres[None, :, None] - sites[:, 1, None, None]
    distances = across * across + down * down  # [sites, size, size]
    nearest = distances.argmin(axis=0)
    cells = [nearest % len(classes) == position for position in range(len(classes))]
    layers = [_paint_cells(bits, cell, stuff, size) for cell, stuff in zip(cells, classes, strict=True)]
    if _one_in(bits, ONE_IN_VOID_BORDER):
        layers.append(_void_border(distances, size))
    return layers


def _paint_cells(bits: PCG64, cells: Mask, stuff: SceneClass, size: int) -> Layer:
    u, v = _local_grid(_place(bits, 0, size), size)
    textured = _texture(bits, stuff.texture, u, v, size)
    return Layer(cells, textured, _colours(bits, stuff.colour), stuff)


def _void_border(distances: Grid, size: int) -> Layer:
    """The pixels nearly as far from their second nearest site as from their nearest."""
    first, second = np.partition(distances, 1, axis=0)[:2]
    border = second - first <= 2 * _steps(1, size) * _steps(REFERENCE_SIZE // 2, size)
    return Layer(border, border, None, None)


def _paint_crowd(bits: PCG64, size: int) -> list[Layer]:
    if not _one_in(bits, ONE_IN_CROWD):
        return []
    thing = THINGS[_draw(bits, 0, len(THINGS) - 1)]
    heap = _place(bits, _steps(5, size), size)
    mask = np.zeros((size, size), dtype=bool)
    for _ in range(_draw(bits, 4, 7)):
        reach = 2 * heap.radius
        x, y = heap.x + _draw(bits, -reach, reach), heap.y + _draw(bits, -reach, reach)
        copy = Placement(x, y, heap.radius, heap.direction, heap.aspect)
        mask |= _extent(thing, *_local_grid(copy, size), heap.radius)
    u, v = _local_grid(heap, size)
    textured = _texture(bits, thing.texture, u, v, size)
    return [Layer(mask, textured, _colours(bits, thing.colour), thing, is_crowd=True)]


def _paint_things(bits: PCG64, size: int) -> list[Layer]:
    layers: list[Layer] = []
    count = _draw(bits, *THINGS_PER_SCENE)
    while len(layers) < count:
        thing = THINGS[_draw(bits, 0, len(THINGS) - 1)]
        radius = min(_draw(bits, *(_steps(length, size) for length in RADIUS)) for _ in range(2))
        place = _place(bits, radius, size)
        layers.append(_paint_thing(bits, thing, place, size))
        if len(layers) < count and _one_in(bits, ONE_IN_COPIES):
            layers.append(_paint_thing(bits, thing, _beside(bits, place), size))
    return layers


def _paint_thing(bits: PCG64, thing: SceneClass, place: Placement, size: int) -> Layer:
    borrowed = _one_in(bits, ONE_IN_BORROWED_COLOUR)
    colour = THINGS[_draw(bits, 0, len(THINGS) - 1)].colour if borrowed else thing.colour
    u, v = _local_grid(place, size)
    textured = _texture(bits, thing.texture, u, v, size)
    return Layer(_extent(thing, u, v, place.radius), textured, _colours(bits, colour), thing)


def _extent(thing: SceneClass, u: Grid, v: Grid, radius: int) -> Mask:
    assert thing.shape is not None
    return thing.shape(u, v, radius)


def _paint_void_disk(bits: PCG64, size: int) -> list[Layer]:
    if not _one_in(bits, ONE_IN_VOID_DISK):
        return []
    place = _place(bits, _draw(bits, _steps(4, size), _steps(8, size)), size)
    u, v = _local_grid(place, size)
    mask = u * u + v * v <= place.radius * place.radius
    return [Layer(mask, np.zeros_like(mask), _colours(bits, VOID_GREY), None)]


def _visible(layers: list[Layer], size: int) -> list[Layer]:
    """Take out the things that can hardly be seen; the others only become more visible by that."""
    covered = np.zeros((size, size), dtype=bool)
    kept = []
    for layer in reversed(layers):
        area = np.count_nonzero(layer.mask)
        seen = np.count_nonzero(layer.mask & ~covered)
        if layer.scene_class is None or (seen >= _minimum_area(size) and 4 * seen >= area):
            kept.append(layer)
            covered |= layer.mask
    return kept[::-1]


def _minimum_area(size: int) -> int:
    return MINIMUM_AREA * size * size // REFERENCE_SIZE**2


def _flatten(bits: PCG64, layers: list[Layer], size: int) -> Scene:
    """Paint the layers over each other, back to front, and add noise."""
    top = np.zeros((size, size), dtype=np.int64)  # index of the uppermost layer
    colours = np.zeros((len(layers), 2, 3), dtype=np.int16)
    colour_index = np.zeros((size, size), dtype=np.int64)
    for position, layer in enumerate(layers):
        top[layer.mask] = position
        if layer.colours is not None:
            colours[position] = layer.colours
            np.copyto(colour_index, 2 * position + layer.textured, where=layer.mask)
    pixels = colours.reshape(-1, 3)[colour_index]
    areas = np.bincount(top.ravel(), minlength=len(layers))
    segment_ids = np.zeros(len(layers), dtype=np.int32)
    segments = []
    for position, layer in enumerate(layers):
        if layer.scene_class is None or areas[position] < _minimum_area(size):
            continue
        segment_ids[position] = layer.scene_class.category_id * 1000 + position + 1
        segments.append(
            {
                "id": int(segment_ids[position]),
                "category_id": layer.scene_class.category_id,
                "iscrowd": int(layer.is_crowd),
            }
        )
    return Scene(_add_noise(bits, pixels), segment_ids[top], segments)


def _add_noise(bits: PCG64, pixels: NDArray[np.int16]) -> NDArray[np.uint8]:
    words = bits.random_raw(-(-pixels.size // 8))
    octets = words.astype("<u8").view(np.uint8)[: pixels.size].reshape(pixels.shape)
    noise = octets.astype(np.int16) % (2 * NOISE + 1) - NOISE
    brightness = _draw(bits, -BRIGHTNESS_JITTER, BRIGHTNESS_JITTER)
    return np.clip(pixels + noise + brightness, 0, 255).astype(np.uint8)
