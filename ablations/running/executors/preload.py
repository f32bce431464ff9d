"""What each run would otherwise do for itself: the server from which local runs are forked imports this once."""

import gc

import mmengine  # noqa: F401
import torch  # noqa: F401

import m2f.data.paths  # noqa: F401
from ablations.running.environment import package_versions, required_packages
from ablations.running.worker import loaded_suite

loaded_suite()
package_versions()
required_packages()
# Else each run's own collections would go through all of this, and copy the memory that it is in.
gc.collect()
gc.freeze()
