"""Cityscapes' labels, as its scripts number them (cityscapesscripts/helpers/labels.py)."""

from m2f.data.category_lists import category_list

LABEL_IDS = tuple(category["id"] for category in category_list("cityscapes"))
"""Of the classes that are evaluated, in the order of their ``trainIds``."""

THINGS = {category["name"]: category["id"] for category in category_list("cityscapes") if category["isthing"]}
"""Of the classes that have instances, in the order of the official weights and of cityscapesScripts' tables."""

VOID_IDS = (0, 1, 2, 3, 4, 5, 6, 9, 10, 14, 15, 16, 18, 29, 30)
"""Of what no evaluation looks at."""

INSTANCES = 1000
"""An object's pixels in ``instanceIds`` are its label times this, plus its number; smaller ones are labels: of stuff,
void, and crowds of things."""
