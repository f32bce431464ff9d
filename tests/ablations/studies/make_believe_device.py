"""A make-believe accelerator with real numbers, whose tensors and the CPU's refuse to meet, as a GPU's do.

Its tensors say another device and hold their numbers on the CPU, where all is computed. What a GPU takes from the CPU
it takes as well: tensors without dimensions, and indices.
"""

from contextlib import ExitStack

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode

NAME = "believed"


class Module:
    """What torch asks a device's module for."""

    @staticmethod
    def is_available():
        """Only those who name it find it."""
        return False

    @staticmethod
    def device_count():
        """One, for the autograd engine."""
        return 1

    @staticmethod
    def current_device():
        """The only one."""
        return 0

    is_initialized = _is_in_bad_fork = is_available
    manual_seed = manual_seed_all = staticmethod(lambda seed: None)
    get_amp_supported_dtype = staticmethod(lambda: [torch.float16, torch.bfloat16])


backend_registration._setup_privateuseone_for_python_backend(rename=NAME, backend_module=Module())
DEVICE = torch.device(NAME, 0)
MOVES = {"aten::_to_copy", "aten::copy_", "aten::_local_scalar_dense"}
INDEXED = {"aten::index", "aten::index_put_", "aten::index_put", "aten::_index_put_impl_", "aten::_unsafe_index"}


class MixedDevicesError(RuntimeError):
    """An operation was given tensors of the device and of the CPU."""


class Believed(Tensor):
    """A tensor of the device; ``numbers`` are on the CPU."""

    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, numbers, requires_grad=False):
        """Wrap a tensor of the CPU."""
        layout = {"strides": numbers.stride(), "storage_offset": numbers.storage_offset(), "dtype": numbers.dtype}
        tensor = cls._make_wrapper_subclass(
            cls, numbers.shape, **layout, device=DEVICE, requires_grad=requires_grad and numbers.is_floating_point()
        )
        tensor.numbers = numbers
        return tensor

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        """See :func:`compute`."""
        return compute(func, args, kwargs or {})


def compute(func, args, kwargs):
    """An operation of torch on either device, or a move between them."""
    ours = any(isinstance(tensor, Believed) for tensor in _tensors((*args, *kwargs.values())))
    name = func._schema.name
    if ours and name not in MOVES:
        bound = (args[0], *args[2:]) if name in INDEXED else args
        tensors = _tensors((*bound, *kwargs.values()))
        strangers = [tuple(tensor.shape) for tensor in tensors if not isinstance(tensor, Believed) and tensor.dim()]
        if strangers:
            raise MixedDevicesError(f"{name} was given tensors of the CPU, {strangers}, with those of the device")
    device = kwargs.get("device")
    on_device = _is_ours(device) if device is not None else ours
    numbers = {key: _numbers(value) for key, value in kwargs.items()}
    if device is not None:
        numbers["device"] = torch.device("cpu")
    result = func(*_numbers(args), **numbers)
    if func._schema.is_mutable and name.endswith("_"):
        return args[0]
    return _believed(result) if on_device and name != "aten::_local_scalar_dense" else result


def _tensors(values):
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)


def _numbers(value):
    if isinstance(value, list | tuple):
        return type(value)(map(_numbers, value))
    return value.numbers if isinstance(value, Believed) else value


def _believed(value):
    if isinstance(value, list | tuple):
        return type(value)(map(_believed, value))
    return Believed(value) if isinstance(value, Tensor) else value


class Dispatch(TorchDispatchMode):
    """Has new tensors made on the device that was asked for."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        """See :func:`compute`."""
        return compute(func, args, kwargs or {})


class Functions(TorchFunctionMode):
    """What torch does with Python's values before it dispatches anything."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        """Make tensors of values on the CPU, then move them; read values from the CPU's numbers alone."""
        kwargs = dict(kwargs or {})
        if func in (torch.tensor, torch.as_tensor) and _is_ours(kwargs.get("device")):
            return func(*args, **{**kwargs, "device": "cpu"}).to(DEVICE)
        if func is Tensor.new_tensor and isinstance(args[0], Believed):
            return torch.tensor(args[1], dtype=kwargs.get("dtype") or args[0].dtype).to(DEVICE)
        if func is Tensor.tolist and isinstance(args[0], Believed):
            return args[0].numbers.tolist()
        if func is Tensor.numpy and isinstance(args[0], Believed):
            raise MixedDevicesError("a tensor of the device was read by numpy")
        return func(*args, **kwargs)


def _is_ours(device):
    return device is not None and torch.device(device).type == DEVICE.type


class MakeBelieve(ExitStack):
    """The context in which the device is there."""

    def __enter__(self):
        """Have torch's functions know it."""
        self.enter_context(Functions())
        self.enter_context(Dispatch())
        return super().__enter__()


def moved(module: nn.Module) -> nn.Module:
    """A module with its parameters and buffers on the device."""
    for own in module.modules():
        for name, parameter in own._parameters.items():
            if parameter is not None:
                own._parameters[name] = nn.Parameter(Believed(parameter.detach()), parameter.requires_grad)
        for name, buffer in own._buffers.items():
            if buffer is not None:
                own._buffers[name] = Believed(buffer)
    return module
