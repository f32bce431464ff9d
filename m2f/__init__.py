"""The Mask2Former benchmark and ablation suite: components registered with OpenMMLab under scope ``m2f``."""

__version__ = "0.1.0"
