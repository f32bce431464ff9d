"""Time the reading and checking of annotations of the size of COCO's train2017, which are made up first.

python scripts/benchmark_annotations.py
python scripts/benchmark_annotations.py --images 5000
"""

import argparse
import random
import tempfile
import time
from pathlib import Path

from m2f.data.annotations import examine
from m2f.data.layout import Kind, read_categories

IMAGES, OBJECTS = 118_287, 860_001
CLASSES, THINGS = 133, 80
WIDTH, HEIGHT = 640, 480
POINTS = 23  # of a polygon, on average
SEGMENTS = 11  # of an image, on average
CROWDS = 0.012  # share of the objects, which have run lengths


def main() -> None:
    """Make up both files, and time them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=IMAGES)
    images = parser.parse_args().images
    with tempfile.TemporaryDirectory() as directory:
        for kind, write in (("instances", write_instances), ("panoptic", write_panoptic)):
            path = Path(directory, f"{kind}.json")
            write(path, images)
            report(path, kind)  # type: ignore[arg-type]


def report(path: Path, kind: Kind) -> None:
    """Print how long it takes, and for how many megabytes."""
    print(f"{kind}: {path.stat().st_size / 1e6:.0f} MB")
    started = time.perf_counter()
    read_categories(path)
    print(f"  classes alone {time.perf_counter() - started:.1f} s")
    started = time.perf_counter()
    examined = examine(path, kind)
    print(f"  everything {time.perf_counter() - started:.1f} s; {len(examined.problems)} problems")


def write_instances(path: Path, images: int) -> None:
    """An instances file of as many objects an image as COCO has."""
    rng = random.Random(0)
    with path.open("w") as file:
        file.write(f'{{"images":[{listed_images(images)}],"categories":[{listed_categories(THINGS)}],"annotations":[')
        file.write(",".join(an_object(rng, number, images) for number in range(1, images * OBJECTS // IMAGES + 1)))
        file.write("]}")


def an_object(rng: random.Random, number: int, images: int) -> str:
    """A polygon around a point, or a crowd's run lengths."""
    image, category = rng.randrange(images), rng.randrange(1, THINGS + 1)
    x, y = rng.uniform(50, WIDTH - 50), rng.uniform(50, HEIGHT - 50)
    crowd = rng.random() < CROWDS
    if crowd:
        runs = [HEIGHT * 100 + 100, *([200, HEIGHT - 200] * 100), HEIGHT * (WIDTH - 200) - 100]
        mask, box = f'{{"size":[{HEIGHT},{WIDTH}],"counts":{runs}}}', [100, 100, 100, 200]
    else:
        points = [(x + rng.uniform(-40, 40), y + rng.uniform(-40, 40)) for _ in range(rng.randrange(3, 2 * POINTS - 2))]
        mask = f"[[{','.join(f'{a:.2f},{b:.2f}' for a, b in points)}]]"
        left, top = min(a for a, _ in points), min(b for _, b in points)
        right, bottom = max(a for a, _ in points), max(b for _, b in points)
        box = [round(side, 2) for side in (left, top, right - left, bottom - top)]  # type: ignore[misc]
    return (
        f'{{"id":{number},"image_id":{image},"category_id":{category},"iscrowd":{int(crowd)},"area":{box[2] * box[3]},'
        f'"bbox":{box},"segmentation":{mask}}}'
    )


def write_panoptic(path: Path, images: int) -> None:
    """A panoptic file of as many segments an image as COCO has."""
    rng = random.Random(0)
    with path.open("w") as file:
        file.write(f'{{"images":[{listed_images(images)}],"categories":[{listed_categories(CLASSES)}],"annotations":[')
        file.write(",".join(segments(rng, image) for image in range(images)))
        file.write("]}")


def segments(rng: random.Random, image: int) -> str:
    """The annotation of an image."""
    infos = ",".join(
        f'{{"id":{number},"category_id":{rng.randrange(1, CLASSES + 1)},"iscrowd":0,"area":4711,"bbox":[0,0,640,480]}}'
        for number in rng.sample(range(1, 2**24), SEGMENTS)
    )
    return f'{{"image_id":{image},"file_name":"{image:012d}.png","segments_info":[{infos}]}}'


def listed_images(images: int) -> str:
    """Entries of images with some of what COCO's have besides."""
    return ",".join(
        f'{{"id":{image},"width":{WIDTH},"height":{HEIGHT},"file_name":"{image:012d}.jpg","license":3,'
        f'"coco_url":"http://images.cocodataset.org/train2017/{image:012d}.jpg","date_captured":"2013-11-14 11:18:45"}}'
        for image in range(images)
    )


def listed_categories(count: int) -> str:
    """Entries of classes, things first."""
    return ",".join(
        f'{{"id":{number},"name":"class {number}","isthing":{int(number <= THINGS)}}}' for number in range(1, count + 1)
    )


if __name__ == "__main__":
    main()
