# Cityscapes, 90k iterations of batch 16 (the paper's appendix); rates and weight decay as on ADE20K.
_base_ = ["ade20k_160k.py"]
train_cfg = dict(type="IterBasedTrainLoop", max_iters=90000, val_interval=9000)
param_scheduler = [dict(type="PolyLR", by_epoch=False, power=0.9, eta_min=0, begin=0, end=90000)]
maskformer_schedule = dict(_delete_=True, train_cfg=train_cfg, param_scheduler=param_scheduler)
