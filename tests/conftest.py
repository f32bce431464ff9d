from m2f.compiled_ops import provide_compiled_ops

# Before any test module imports mmcv.ops or mmdet.
provide_compiled_ops()
