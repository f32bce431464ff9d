"""Checkpoints of the official code, mmdet and transformers to ours, and ours to the latter two: no file's code runs."""

from m2f.checkpoints.conversion import Conversion, convert
from m2f.checkpoints.loading import load_into
from m2f.checkpoints.reading import read_checkpoint
from m2f.checkpoints.translation import from_ours, to_ours

__all__ = ["Conversion", "convert", "from_ours", "load_into", "read_checkpoint", "to_ours"]
