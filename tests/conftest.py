import os

# Tests compute on small tensors, where threads cost more than they give. Read by torch when it is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from m2f.compiled_ops import provide_compiled_ops

# Before any test module imports mmcv.ops or mmdet.
provide_compiled_ops()
