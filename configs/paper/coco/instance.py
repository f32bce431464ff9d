_base_ = ["../instance.py"]
