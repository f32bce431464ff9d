import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from m2f.data.scene_classes import CATEGORIES, STEPS, STUFF, THINGS, disk, ring
from m2f.data.scene_painting import DIRECTIONS, MINIMUM_AREA, Placement, _local_grid, paint

THING_IDS = {thing.category_id for thing in THINGS}


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32), index=st.integers(0, 10**6), size=st.sampled_from([32, 48, 64]))
def test_every_scene_is_consistent(seed, index, size):
    scene = paint(seed, "train2017", index, size)
    assert scene.image.shape == (size, size, 3)
    assert scene.image.dtype == np.uint8
    values, areas = np.unique(scene.segment_map, return_counts=True)
    areas_by_id = dict(zip(values.tolist(), areas.tolist(), strict=True))
    areas_by_id.pop(0, None)
    assert areas_by_id.keys() == {segment["id"] for segment in scene.segments}
    assert min(areas_by_id.values()) >= MINIMUM_AREA * size * size // 128**2
    stuff = [segment["category_id"] for segment in scene.segments if segment["category_id"] not in THING_IDS]
    assert len(set(stuff)) == len(stuff)
    assert all(segment["category_id"] in THING_IDS for segment in scene.segments if segment["iscrowd"])


def test_scene_depends_on_seed_split_and_index():
    images = [
        paint(*arguments, 32).image.tobytes() for arguments in [(0, "a", 0), (1, "a", 0), (0, "b", 0), (0, "a", 1)]
    ]
    assert len(set(images)) == 4
    assert paint(0, "a", 0, 32).image.tobytes() == images[0]


def test_distribution_is_as_documented():
    scenes = [paint(0, "train2017", index, 64) for index in range(150)]
    things = [[s for s in scene.segments if s["category_id"] in THING_IDS and not s["iscrowd"]] for scene in scenes]
    crowds = [any(segment["iscrowd"] for segment in scene.segments) for scene in scenes]
    assert max(map(len, things)) <= 10
    assert 4 < np.mean([len(found) for found in things]) < 7  # of 6.5 painted, some are hidden
    assert 1 / 30 < np.mean(crowds) < 1 / 6
    assert 0.001 < np.mean([(scene.segment_map == 0).mean() for scene in scenes]) < 0.05
    seen = {segment["category_id"] for scene in scenes for segment in scene.segments}
    assert seen == {category["id"] for category in CATEGORIES}


def test_directions_are_exact():
    assert all(cosine**2 + sine**2 == hypotenuse**2 for cosine, sine, hypotenuse in DIRECTIONS)


@pytest.mark.parametrize("thing", THINGS, ids=lambda thing: thing.name)
def test_shape_turns_with_its_direction(thing):
    """A quarter turn of the direction turns the mask by a quarter, whatever the shape."""
    size = 65
    centre = size * STEPS // 2
    cosine, sine, hypotenuse = 4, 3, 5
    upright = Placement(centre, centre, 20 * STEPS, (cosine, sine, hypotenuse), 7)
    turned = Placement(centre, centre, 20 * STEPS, (-sine, cosine, hypotenuse), 7)
    mask = thing.shape(*_local_grid(upright, size), upright.radius)
    turned_mask = thing.shape(*_local_grid(turned, size), turned.radius)
    assert mask.sum() > 100
    assert (mask != np.rot90(turned_mask)).mean() < 0.01


def test_shapes_have_their_areas():
    size, radius = 101, 40
    centre = size * STEPS // 2
    grid = _local_grid(Placement(centre, centre, radius * STEPS, (1, 0, 1), 8), size)
    expected = {
        "disk": math.pi * radius**2,
        "square": (7 / 4 * radius) ** 2,
        "triangle": 13 / 15 * 3 / 2 * radius**2,
        "ring": math.pi * radius**2 * (1 - 25 / 64),
        "cross": (2 * 4 / 3 - 4 / 9) * radius**2,
        "bar": 5 / 2 * 5 / 14 * radius**2,
    }
    for thing in THINGS:
        assert thing.shape(*grid, radius * STEPS).sum() == pytest.approx(expected[thing.name], rel=0.07)


def test_ring_lets_see_through():
    grid = _local_grid(Placement(32 * STEPS, 32 * STEPS, 20 * STEPS, (1, 0, 1), 8), 64)
    assert disk(*grid, 20 * STEPS)[32, 32]
    assert not ring(*grid, 20 * STEPS)[32, 32]


def test_classes_differ_in_colour_and_things_in_shape():
    assert len({scene_class.colour for scene_class in THINGS + STUFF}) == len(CATEGORIES)
    assert len({thing.shape for thing in THINGS}) == len(THINGS)
    assert all(stuff.shape is None for stuff in STUFF)
