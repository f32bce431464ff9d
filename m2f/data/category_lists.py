"""The classes of ADE20K, Cityscapes and Mapillary Vistas as the official preparation scripts write them.

In the order of the labels of official weights. ADE20K's instance files call some classes by other names than its
panoptic files: ``instance_name``. Cityscapes' ids are its ``labelIds``, Mapillary's are labels + 1.
"""

import csv
from functools import cache
from pathlib import Path
from typing import Any

LISTS = Path(__file__).with_name("categories")


@cache
def category_list(dataset: str) -> tuple[dict[str, Any], ...]:
    """The categories of ``ade20k``, ``cityscapes`` or ``mapillary`` as COCO's panoptic layout has them."""
    with (LISTS / f"{dataset}.csv").open(newline="") as file:
        return tuple(
            {
                "id": int(row["id"]),
                "name": row["name"],
                "isthing": int(row["isthing"]),
                "color": [int(row[channel]) for channel in ("red", "green", "blue")],
                **{key: row[key] for key in ("supercategory", "instance_name") if row.get(key)},
            }
            for row in csv.DictReader(file)
        )
