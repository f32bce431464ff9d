# The semantic model of Table 7: the classes of COCO's panoptic segments, trained as the panoptic model is.
_base_ = ["../panoptic.py"]
task = "semantic"
model = dict(task=task)
train_dataloader = dict(dataset=dict(dataset=dict(pipeline={{_base_.semantic_pipelines.train}})))
val_dataloader = dict(dataset=dict(pipeline={{_base_.semantic_pipelines.val}}))
val_evaluator = [dict(type="m2f.MeanIoU")]
test_dataloader = val_dataloader
test_evaluator = val_evaluator
