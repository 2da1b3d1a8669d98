"""Lanes: a Numba type for LANES numbers in one value, on which the processor works at once.

The kernel is written for single numbers. If an array has one axis more than the index, `load` takes the whole last axis
as lanes; operations on lanes give lanes, and each lane computes as if it were alone. So the same code trains one GAN or
LANES GANs side by side, to the same last bit. (The compiler's own vectoriser fails on a loop as large as the kernel's.)

Lanes are LLVM's <LANES x type>, whose operations follow IEEE 754 lane by lane.
"""

from math import prod
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.typeconv import Conversion
from numba.extending import intrinsic, lower_cast, models, register_model

from gan1010.types import Array

LANES = 64
WORDS = 16  # lanes of random words, which are twice as wide and need many registers
CACHE_LINE = 64  # bytes; training with lanes that straddle two cache lines takes a fifth longer


def empty(shape: tuple[int, ...], dtype: Any = np.float32) -> Array:
    """Allocate an array that begins at a cache line; the content is undefined."""
    size = prod(shape) * np.dtype(dtype).itemsize
    raw = np.empty(size + CACHE_LINE, np.uint8)
    start = -raw.ctypes.data % CACHE_LINE
    array: Array = raw[start : start + size].view(dtype).reshape(shape)
    return array


def aligned_copy(values: Array) -> Array:
    """Copy values to an array that begins at a cache line."""
    array = empty(values.shape, values.dtype)
    array[...] = values
    return array


class Lanes(types.Type):  # type: ignore[misc]
    """The Numba type of `count` numbers of one type. A single number converts to lanes that all hold it."""

    def __init__(self, dtype: Any, count: int = LANES) -> None:
        self.dtype, self.count = dtype, count
        super().__init__(name=f"Lanes({dtype}, {count})")

    def can_convert_from(self, typing_context: Any, other: Any) -> Any:
        """Allow the conversion of a number."""
        return Conversion.safe if isinstance(other, types.Number) else None


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, lanes: Lanes) -> None:
        super().__init__(manager, lanes, ir.VectorType(manager.lookup(lanes.dtype).get_value_type(), lanes.count))


@lower_cast(types.Number, Lanes)  # type: ignore[untyped-decorator]
def _broadcast(context: Any, builder: Any, number_type: Any, lanes: Any, number: Any) -> Any:
    number = context.cast(builder, number, number_type, lanes.dtype)
    vector = ir.VectorType(number.type, lanes.count)
    first = builder.insert_element(ir.Constant(vector, ir.Undefined), number, ir.IntType(32)(0))
    zeros = constant(ir.VectorType(ir.IntType(32), lanes.count), 0)
    return builder.shuffle_vector(first, ir.Constant(vector, ir.Undefined), zeros)


def constant(like: Any, value: float) -> Any:
    """Return an LLVM constant of the type `like`, a number or a vector."""
    return ir.Constant(like, [value] * like.count if isinstance(like, ir.VectorType) else value)


@intrinsic  # type: ignore[untyped-decorator]
def select(typing_context: Any, condition: Any, a: Any, b: Any) -> Any:
    """Return, lane by lane, `a` where the condition holds, else `b`."""
    result = next((x for x in (a, b) if isinstance(x, Lanes)), types.unliteral(a))
    if isinstance(condition, Lanes) and not isinstance(result, Lanes):
        result = Lanes(result, condition.count)

    def codegen(context: Any, builder: Any, signature: Any, operands: Any) -> Any:
        return builder.select(*operands)

    return result(condition, result, result), codegen


def memory(count: int) -> tuple[Any, Any]:
    """Return `load` and `store` for lanes of `count` numbers."""

    def element(array: Any, index: Any) -> Any:
        axes = len(index) if isinstance(index, types.BaseTuple) else 1
        return Lanes(array.dtype, count) if array.ndim > axes else array.dtype

    @intrinsic  # type: ignore[untyped-decorator]
    def load(typing_context: Any, array: Any, index: Any) -> Any:
        """Return array[index] for an integer or a tuple of integers: lanes if the array has one axis more."""
        kind = element(array, index)

        def codegen(context: Any, builder: Any, signature: Any, operands: Any) -> Any:
            pointer, align = _pointer(context, builder, signature, operands, kind)
            return builder.load(pointer, align=align)

        return kind(array, index), codegen

    @intrinsic  # type: ignore[untyped-decorator]
    def store(typing_context: Any, array: Any, index: Any, value: Any) -> Any:
        """Set array[index] = value, at the place where `load` finds it."""
        kind = element(array, index)

        def codegen(context: Any, builder: Any, signature: Any, operands: Any) -> Any:
            pointer, align = _pointer(context, builder, signature, operands, kind)
            builder.store(operands[2], pointer, align=align)
            return context.get_dummy_value()

        return types.void(array, index, kind), codegen

    return load, store


def _pointer(context: Any, builder: Any, signature: Any, operands: Any, kind: Any) -> Any:
    """Return the pointer to an index of a C-contiguous array, for a number or lanes, and its alignment."""
    array_type, index_type = signature.args[:2]
    array = context.make_array(array_type)(context, builder, operands[0])
    shape = [builder.extract_value(array.shape, axis) for axis in range(array_type.ndim)]
    is_tuple = isinstance(index_type, types.BaseTuple)
    index_types = list(index_type) if is_tuple else [index_type]
    places = [builder.extract_value(operands[1], i) for i in range(len(index_types))] if is_tuple else [operands[1]]
    places = [context.cast(builder, p, t, types.intp) for p, t in zip(places, index_types, strict=True)]
    linear = places[0]
    for axis, place in enumerate(places[1:], start=1):
        linear = builder.add(builder.mul(linear, shape[axis]), place)
    element = context.get_data_type(array_type.dtype)
    align = context.get_abi_sizeof(element)
    if not isinstance(kind, Lanes):
        return builder.gep(array.data, [linear]), align
    pointer = builder.gep(array.data, [builder.mul(linear, context.get_constant(types.intp, kind.count))])
    return builder.bitcast(pointer, ir.VectorType(element, kind.count).as_pointer()), align


load, store = memory(LANES)
load_words, store_words = memory(WORDS)
