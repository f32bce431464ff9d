_base_ = ["../semantic.py"]
