"""Cityscapes' labels, as its scripts number them (cityscapesscripts/helpers/labels.py)."""

LABEL_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
"""Of the classes that are evaluated, in the order of their ``trainIds``."""

THINGS = {
    "person": 24,
    "rider": 25,
    "car": 26,
    "truck": 27,
    "bus": 28,
    "train": 31,
    "motorcycle": 32,
    "bicycle": 33,
}
"""Of the classes that have instances, in the order of the official weights and of cityscapesScripts' tables."""

VOID_IDS = (0, 1, 2, 3, 4, 5, 6, 9, 10, 14, 15, 16, 18, 29, 30)
"""Of what no evaluation looks at."""

INSTANCES = 1000
"""An object's pixels in ``instanceIds`` are its label times this, plus its number; smaller ones are labels: of stuff,
void, and crowds of things."""
