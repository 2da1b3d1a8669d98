"""Elementwise operations on lanes: the operators, and functions with a defined rounding.

Each is one instruction or one intrinsic function of LLVM and follows IEEE 754, for lanes as for a number.
"""

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import lower_builtin, type_callable

from gan1010.compiled.lanes import Lanes


def same_width(like: Any, element: Any) -> Any:
    """Return the LLVM type of one `element`, or of lanes of it if `like` is a vector."""
    return ir.VectorType(element, like.count) if isinstance(like, ir.VectorType) else element


Emit = Callable[..., Any]  # (LLVM builder, *operands) -> result


def elementwise(function: Any, arity: int, emit: Emit, result: Any = None) -> None:
    """Register `emit` as the compiled form of `function`, whose operands are lanes, or numbers of one type, or both.

    The result has the type of the operands, or `result` if given.
    """

    def signature(*operands: Any) -> Any:
        lanes = next((operand for operand in operands if isinstance(operand, Lanes)), None)
        if lanes is not None:
            return (Lanes(result, lanes.count) if result else lanes)(*[lanes] * arity)
        return None if function in OPERATORS else (result or operands[0])(*operands[:1] * arity)

    @type_callable(function)  # type: ignore[untyped-decorator]
    def type_of_call(context: Any) -> Any:
        return {
            1: lambda a: signature(a),
            2: lambda a, b: signature(a, b),
            3: lambda a, b, c: signature(a, b, c),
        }[arity]

    for operand_type in (Lanes,) if function in OPERATORS else (Lanes, types.Number):

        @lower_builtin(function, *[operand_type] * arity)  # type: ignore[untyped-decorator]
        def lower(context: Any, builder: Any, signature: Any, operands: Any) -> Any:
            return emit(builder, *operands)


def _instruction(for_floats: str, for_integers: str = "") -> Emit:
    """Emit an instruction of the builder, by its name."""

    def emit(builder: Any, *operands: Any) -> Any:
        is_integer = isinstance(operands[0].type.element, ir.IntType)
        return getattr(builder, for_integers if is_integer else for_floats)(*operands)

    return emit


def _comparison(symbol: str) -> Emit:
    """Emit a comparison; NaN is unequal to everything, and neither less nor greater."""

    def emit(builder: Any, a: Any, b: Any) -> Any:
        if isinstance(a.type.element, ir.IntType):
            return builder.icmp_signed(symbol, a, b)
        return (builder.fcmp_unordered if symbol == "!=" else builder.fcmp_ordered)(symbol, a, b)

    return emit


OPERATORS: dict[Any, tuple[Emit, Any]] = {
    operator.add: (_instruction("fadd", "add"), None),
    operator.sub: (_instruction("fsub"), None),
    operator.mul: (_instruction("fmul", "mul"), None),
    operator.truediv: (_instruction("fdiv"), None),
    operator.neg: (_instruction("fneg"), None),
    operator.and_: (_instruction("", "and_"), None),
    operator.or_: (_instruction("", "or_"), None),
    operator.xor: (_instruction("", "xor"), None),
    operator.rshift: (_instruction("", "lshr"), None),
    operator.lt: (_comparison("<"), types.boolean),
    operator.le: (_comparison("<="), types.boolean),
    operator.gt: (_comparison(">"), types.boolean),
    operator.ne: (_comparison("!="), types.boolean),
}
for _operator, (_emit, _result) in OPERATORS.items():
    elementwise(_operator, 1 if _operator is operator.neg else 2, _emit, _result)


def _intrinsic(name: str) -> Emit:
    """Emit a call of an intrinsic function of LLVM."""

    def emit(builder: Any, *operands: Any) -> Any:
        operand = operands[0].type
        element = getattr(operand, "element", operand).intrinsic_name
        suffix = f"v{operand.count}{element}" if isinstance(operand, ir.VectorType) else element
        function = ir.FunctionType(operand, [operand] * len(operands))
        return builder.call(builder.module.declare_intrinsic(f"llvm.{name}.{suffix}", (), function), operands)

    return emit


def _conversion(*steps: tuple[str, Any]) -> Emit:
    """Emit conversions one after the other: the builder's method and the new element type of each."""

    def emit(builder: Any, x: Any) -> Any:
        for conversion, element in steps:
            x = getattr(builder, conversion)(x, same_width(x.type, element))
        return x

    return emit


def declare(arity: int, emit: Emit, result: Any = None) -> Callable[..., Any]:
    """Declare a function that exists in compiled code only, and register its compiled form."""

    def function(*operands: Any) -> Any:
        raise NotImplementedError("only compiled code can call this")

    elementwise(function, arity, emit, result)
    return function


fma = declare(3, _intrinsic("fma"))  # a * b + c, rounded once
sqrt = declare(1, _intrinsic("sqrt"))
widen = declare(1, _conversion(("fpext", ir.DoubleType())), types.float64)  # to double precision
narrow = declare(1, _conversion(("fptrunc", ir.FloatType())), types.float32)  # rounds to single precision
to_float = declare(  # an integer of 64 bits, below 2^24, as a float32
    1, _conversion(("trunc", ir.IntType(32)), ("sitofp", ir.FloatType())), types.float32
)
