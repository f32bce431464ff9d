"""A short vector of floats as one value in numba's code, which keeps it in a processor's vector registers.

Written as a loop over a dozen numbers, LLVM unrolls it before it looks for what can be done side by side, and computes
one number after the other.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.datamodel import models
from numba.extending import intrinsic, register_model

REAL = ir.FloatType()
REAL_BYTES = 4
INDEX = ir.IntType(32)

# Sums in any order; that a number is finite is not assumed.
ORDER_FREE = ("reassoc", "contract", "nsz")


class Lanes(types.Type):
    """The type of ``width`` float32."""

    def __init__(self, width: int) -> None:
        super().__init__(name=f"Lanes({width})")
        self.width = width
        self.vector = ir.VectorType(REAL, width)


@register_model(Lanes)
class LanesModel(models.PrimitiveModel):
    """It is LLVM's vector."""

    def __init__(self, manager: Any, lanes: Lanes) -> None:
        super().__init__(manager, lanes, lanes.vector)


def operation(write: Callable[..., Any]) -> Any:
    """numba's ``intrinsic``; by its declared type callers would pass the typing context as well."""
    return intrinsic(write)


@operation
def zeros(typing_context: Any, like: Any) -> Any:
    """As many zeros as the tuple ``like`` has items: its type tells the number."""
    lanes = Lanes(like.count)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        return ir.Constant(lanes.vector, [0.0] * lanes.width)

    return lanes(like), generate


@operation
def load(typing_context: Any, rows: Any, row: Any, like: Any) -> Any:
    """A row of contiguous ``rows [N, width]`` float32, as wide as the tuple ``like``.

    That there is such a row is not looked at, nor here that rows are so wide; :func:`store` neither.
    """
    lanes = Lanes(like.count)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        return builder.load(place(context, builder, signature.args[0], lanes, *arguments[:2]), align=REAL_BYTES)

    return lanes(rows, row, like), generate


@operation
def store(typing_context: Any, rows: Any, row: Any, value: Any) -> Any:
    """Write a row of contiguous ``rows [N, width]``."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        pointer = place(context, builder, signature.args[0], value, *arguments[:2])
        builder.store(arguments[2], pointer, align=REAL_BYTES)
        return context.get_dummy_value()

    return types.void(rows, row, value), generate


def place(context: Any, builder: ir.IRBuilder, array_type: Any, lanes: Lanes, array: Any, row: Any) -> Any:
    """A pointer to a row as one vector."""
    first = builder.mul(row, row.type(lanes.width))
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [first]), lanes.vector.as_pointer())


@operation
def times(typing_context: Any, lanes: Any, factor: Any) -> Any:
    """``lanes * factor``, a float32."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        value, number = arguments
        undefined = ir.Constant(value.type, ir.Undefined)
        first = builder.insert_element(undefined, number, INDEX(0))
        everywhere = ir.Constant(ir.VectorType(INDEX, value.type.count), [0] * value.type.count)
        return builder.fmul(value, builder.shuffle_vector(first, undefined, everywhere), flags=ORDER_FREE)

    return lanes(lanes, types.float32), generate


@operation
def plus(typing_context: Any, lanes: Any, others: Any) -> Any:
    """``lanes + others``."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        return builder.fadd(*arguments, flags=ORDER_FREE)

    return lanes(lanes, lanes), generate


@operation
def dot(typing_context: Any, lanes: Any, others: Any) -> Any:
    """The sum of their products, a float32."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        products = builder.fmul(*arguments, flags=ORDER_FREE)
        kind = ir.FunctionType(REAL, [REAL, products.type])
        name = f"llvm.vector.reduce.fadd.v{products.type.count}f32"
        add_up = builder.module.declare_intrinsic(name, fnty=kind)
        return builder.call(add_up, [REAL(0), products], fastmath=ORDER_FREE)

    return types.float32(lanes, lanes), generate
