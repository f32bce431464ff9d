import torch
import torch.nn.functional as F

from m2f.models.pixel_decoders import FPN


def test_levels_are_merged_by_hand():
    """Two levels written out: normed lateral plus repeated coarse cells, then convolution, norm and ReLU."""
    torch.manual_seed(0)
    fpn = FPN([3, 5], embed_dims=8, norm_groups=2)
    fine, coarse = torch.randn(1, 3, 4, 6), torch.randn(1, 5, 2, 3)

    def output(index, feature):
        convolved = F.conv2d(feature, fpn.outputs[index].conv.weight, padding=1)
        return F.group_norm(convolved, 2).relu()

    expected_coarse = output(1, coarse)
    lateral = F.group_norm(F.conv2d(fine, fpn.fusions[0].lateral.conv.weight), 2)
    expected_fine = output(0, lateral + expected_coarse.repeat_interleave(2, 2).repeat_interleave(2, 3))
    torch.testing.assert_close(fpn.top_down([fine, coarse]), [expected_coarse, expected_fine])
