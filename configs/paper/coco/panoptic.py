_base_ = ["../panoptic.py"]
