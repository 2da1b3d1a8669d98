"""Numbers side by side: `Lanes` are LANES numbers in one value, which the processor works on at once.

The kernel is written for one number. What it loads decides how many it means: from an array with one axis more than
the index has, `load` takes the whole last axis as lanes, and whatever is computed of lanes is lanes again, each as if
it were alone. So one GAN and LANES GANs side by side are trained by the same lines, and come out the same to the last
bit. (Left to itself, the compiler's vectoriser gives up on a loop as large as the kernel's.)

Underneath a value of lanes is LLVM's <LANES x type>, whose operations are IEEE's, lane by lane.
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
WORDS = 16  # lanes of what is twice as wide and needs many registers: random words
CACHE_LINE = 64  # bytes; lanes that lie across two lines take a fifth longer to train


def empty(shape: tuple[int, ...], dtype: Any = np.float32) -> Array:
    """An array for the kernel, not filled, which begins where a cache line does."""
    size = prod(shape) * np.dtype(dtype).itemsize
    raw = np.empty(size + CACHE_LINE, np.uint8)
    start = -raw.ctypes.data % CACHE_LINE
    array: Array = raw[start : start + size].view(dtype).reshape(shape)
    return array


def aligned_copy(values: Array) -> Array:
    """The same with these values in it."""
    array = empty(values.shape, values.dtype)
    array[...] = values
    return array


class Lanes(types.Type):  # type: ignore[misc]
    """So many numbers of one type; a single number given for them counts for each."""

    def __init__(self, dtype: Any, count: int = LANES) -> None:
        self.dtype, self.count = dtype, count
        super().__init__(name=f"Lanes({dtype}, {count})")

    def can_convert_from(self, typing_context: Any, other: Any) -> Any:
        """A number becomes lanes that all hold it."""
        return Conversion.safe if isinstance(other, types.Number) else None


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, lanes: Lanes) -> None:
        super().__init__(
            manager,
            lanes,
            ir.VectorType(manager.lookup(lanes.dtype).get_value_type(), lanes.count),
        )


@lower_cast(types.Number, Lanes)  # type: ignore[untyped-decorator]
def _broadcast(context: Any, builder: Any, number_type: Any, lanes: Any, number: Any) -> Any:
    number = context.cast(builder, number, number_type, lanes.dtype)
    vector = ir.VectorType(number.type, lanes.count)
    first = builder.insert_element(ir.Constant(vector, ir.Undefined), number, ir.IntType(32)(0))
    zeros = constant(ir.VectorType(ir.IntType(32), lanes.count), 0)
    return builder.shuffle_vector(first, ir.Constant(vector, ir.Undefined), zeros)


def constant(like: Any, value: float) -> Any:
    """A constant for LLVM, as wide as the type that it shall go with."""
    return ir.Constant(like, [value] * like.count if isinstance(like, ir.VectorType) else value)


@intrinsic  # type: ignore[untyped-decorator]
def select(typing_context: Any, condition: Any, a: Any, b: Any) -> Any:
    """`a` where the condition holds, else `b`: a choice that each lane makes for itself."""
    of = next((x for x in (a, b) if isinstance(x, Lanes)), types.unliteral(a))
    if isinstance(condition, Lanes) and not isinstance(of, Lanes):
        of = Lanes(of, condition.count)

    def codegen(context: Any, builder: Any, signature: Any, operands: Any) -> Any:
        return builder.select(*operands)

    return of(condition, of, of), codegen


def memory(count: int) -> tuple[Any, Any]:
    """`load` and `store` for lanes of so many numbers."""

    def element(array: Any, index: Any) -> Any:
        axes = len(index) if isinstance(index, types.BaseTuple) else 1
        return Lanes(array.dtype, count) if array.ndim > axes else array.dtype

    @intrinsic  # type: ignore[untyped-decorator]
    def load(typing_context: Any, array: Any, index: Any) -> Any:
        """array[index], where the index is a number or a tuple of them; lanes, if the array has one axis more."""
        of = element(array, index)

        def codegen(context: Any, builder: Any, signature: Any, operands: Any) -> Any:
            pointer, align = _pointer(context, builder, signature, operands, of)
            return builder.load(pointer, align=align)

        return of(array, index), codegen

    @intrinsic  # type: ignore[untyped-decorator]
    def store(typing_context: Any, array: Any, index: Any, value: Any) -> Any:
        """array[index] = value, where `load` finds it."""
        of = element(array, index)

        def codegen(context: Any, builder: Any, signature: Any, operands: Any) -> Any:
            pointer, align = _pointer(context, builder, signature, operands, of)
            builder.store(operands[2], pointer, align=align)
            return context.get_dummy_value()

        return types.void(array, index, of), codegen

    return load, store


def _pointer(context: Any, builder: Any, signature: Any, operands: Any, of: Any) -> Any:
    """Where a C-contiguous array has the number or the lanes of an index, and the alignment there."""
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
    if not isinstance(of, Lanes):
        return builder.gep(array.data, [linear]), align
    pointer = builder.gep(array.data, [builder.mul(linear, context.get_constant(types.intp, of.count))])
    return builder.bitcast(pointer, ir.VectorType(element, of.count).as_pointer()), align


load, store = memory(LANES)
load_words, store_words = memory(WORDS)
