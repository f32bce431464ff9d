import numpy as np
import torch
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.structures import InstanceData, PixelData
from mmseg.structures import SegDataSample

from m2f.models.targets import targets_of

SIZE, THINGS = torch.Size((4, 6)), (True, True, False)
MASKS = np.zeros((2, 3, 5), np.uint8)
MASKS[0, :2, :2], MASKS[1, 2] = 1, 1
LABELS = torch.tensor([1, 0])


def padded(masks):
    whole = torch.zeros(len(masks), *SIZE, dtype=torch.bool)
    whole[:, :3, :5] = torch.as_tensor(masks).bool()
    return whole


def test_mmdets_masks_are_taken_as_ours_are():
    ours, theirs = DetDataSample(), DetDataSample()
    ours.gt_instances = InstanceData(labels=LABELS, masks=torch.from_numpy(MASKS).bool())
    theirs.gt_instances = InstanceData(labels=LABELS, masks=BitmapMasks(MASKS, 3, 5))
    for sample in (ours, theirs):
        labels, masks = targets_of(sample, SIZE, THINGS)
        assert torch.equal(labels, LABELS) and torch.equal(masks, padded(MASKS))


def test_mmdets_panoptic_samples_add_a_mask_for_each_class_of_stuff():
    sample = DetDataSample()
    sample.gt_instances = InstanceData(labels=LABELS, masks=BitmapMasks(MASKS, 3, 5))
    label_map = torch.tensor([[1, 1, 2, 2, 255], [1, 1, 2, 2, 255], [0, 0, 0, 0, 0]])
    sample.gt_sem_seg = PixelData(sem_seg=label_map[None])
    labels, masks = targets_of(sample, SIZE, THINGS)
    assert labels.tolist() == [1, 0, 2]
    assert torch.equal(masks[2:], padded((label_map == 2)[None]))


def test_of_mmsegs_samples_each_class_is_a_segment():
    sample = SegDataSample()
    label_map = torch.tensor([[0, 0, 2, 2, 255], [0, 0, 2, 2, 255], [0, 0, 0, 0, 0]])
    sample.gt_sem_seg = PixelData(data=label_map[None])
    labels, masks = targets_of(sample, SIZE, THINGS)
    assert labels.tolist() == [0, 2]
    assert torch.equal(masks, padded(torch.stack([label_map == 0, label_map == 2])))
