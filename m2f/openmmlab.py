"""mmdet's and mmseg's data sets and transforms, without what they print when they are imported.

Both tell by ``print`` which packages of their own they lack, which is no news to whoever runs m2f. Everything else of
theirs that tells the same imports these first. And what mmengine warns of in every run is not for its user to mend: it
names the start method of processes that its own default config sets, and parts of itself that it will take away. All
other warnings, of OpenMMLab's and of anyone's, are shown as ever.
"""

import logging
import warnings
from contextlib import redirect_stdout
from io import StringIO

from m2f.compiled_ops import provide_compiled_ops

provide_compiled_ops()
with redirect_stdout(StringIO()):
    from mmdet.datasets import CocoDataset, CocoPanopticDataset
    from mmdet.datasets.transforms import Resize, ResizeShortestEdge
    from mmseg.datasets import ADE20KDataset, BaseSegDataset, CityscapesDataset, MapillaryDataset_v1
    from mmseg.datasets.transforms import LoadAnnotations

__all__ = [
    "ADE20KDataset",
    "BaseSegDataset",
    "CityscapesDataset",
    "CocoDataset",
    "CocoPanopticDataset",
    "LoadAnnotations",
    "MapillaryDataset_v1",
    "Resize",
    "ResizeShortestEdge",
    "is_news",
]

NO_NEWS = ('"FileClient" will be deprecated', '"HardDiskBackend" is the alias')  # mmengine's own hook for checkpoints

warnings.filterwarnings("ignore", "Multi-processing start method", UserWarning, r"mmengine\.utils\.dl_utils\.setup_env")


def is_news(record: logging.LogRecord) -> bool:
    """Whether a line of mmengine's log is for the user; a filter of its logger."""
    return not record.getMessage().startswith(NO_NEWS)
