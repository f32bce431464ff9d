"""Registries of scope ``m2f``, children of mmengine's: m2f's components resolve here, mmdet's as ``mmdet.Name``."""

from mmengine import registry as mmengine_registry
from mmengine.registry import Registry

from m2f.compiled_ops import provide_compiled_ops
from m2f.own_configs import name_own_configs

provide_compiled_ops()
name_own_configs()

MODELS = Registry("model", parent=mmengine_registry.MODELS, scope="m2f", locations=["m2f.models"])
DATASETS = Registry("dataset", parent=mmengine_registry.DATASETS, scope="m2f", locations=["m2f.data.registered"])
DATA_SAMPLERS = Registry(
    "data sampler", parent=mmengine_registry.DATA_SAMPLERS, scope="m2f", locations=["m2f.data.registered"]
)
TRANSFORMS = Registry("transform", parent=mmengine_registry.TRANSFORMS, scope="m2f", locations=["m2f.data.registered"])
METRICS = Registry("metric", parent=mmengine_registry.METRICS, scope="m2f", locations=["m2f.metrics"])
EVALUATORS = Registry("evaluator", parent=mmengine_registry.EVALUATOR, scope="m2f", locations=["m2f.engine.evaluator"])
HOOKS = Registry("hook", parent=mmengine_registry.HOOKS, scope="m2f", locations=["m2f.engine.hooks"])
OPTIM_WRAPPER_CONSTRUCTORS = Registry(
    "optimizer wrapper constructor",
    parent=mmengine_registry.OPTIM_WRAPPER_CONSTRUCTORS,
    scope="m2f",
    locations=["m2f.engine.optimizer"],
)

# m2f adds nothing of these kinds; without registries of its scope, or places to look in, mmengine warns at every run.
NOWHERE_ELSE = ["m2f.registry"]
LOOPS = Registry("loop", parent=mmengine_registry.LOOPS, scope="m2f", locations=NOWHERE_ELSE)
OPTIMIZERS = Registry("optimizer", parent=mmengine_registry.OPTIMIZERS, scope="m2f", locations=NOWHERE_ELSE)
OPTIM_WRAPPERS = Registry("optim_wrapper", parent=mmengine_registry.OPTIM_WRAPPERS, scope="m2f", locations=NOWHERE_ELSE)
VISUALIZERS = Registry("visualizer", parent=mmengine_registry.VISUALIZERS, scope="m2f", locations=NOWHERE_ELSE)
VISBACKENDS = Registry("vis_backend", parent=mmengine_registry.VISBACKENDS, scope="m2f", locations=NOWHERE_ELSE)
PARAM_SCHEDULERS = Registry(
    "parameter scheduler", parent=mmengine_registry.PARAM_SCHEDULERS, scope="m2f", locations=NOWHERE_ELSE
)
WEIGHT_INITIALIZERS = Registry(
    "weight initializer", parent=mmengine_registry.WEIGHT_INITIALIZERS, scope="m2f", locations=NOWHERE_ELSE
)
