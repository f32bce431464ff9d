# ResNets whose norms learn, with statistics of all GPUs' images, as the official configs of Cityscapes have them.
_base_ = ["mask2former_r50.py"]
_norms = dict(norm_cfg=dict(type="SyncBN", requires_grad=True), norm_eval=False)
model = dict(backbone=_norms)
backbones = dict(R101=dict(backbone=_norms))
