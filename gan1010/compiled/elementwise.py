"""What is computed of lanes, number by number: the operators, and functions that say how they round.

Each is one instruction or one intrinsic function of LLVM, by IEEE's rules, for lanes as for a number.
"""

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import lower_builtin, type_callable

from gan1010.compiled.lanes import Lanes


def same_width(like: Any, element: Any) -> Any:
    """LLVM's type for one `element`, or for lanes of it where `like` is a vector."""
    return ir.VectorType(element, like.count) if isinstance(like, ir.VectorType) else element


Emit = Callable[..., Any]  # of LLVM's builder and the operands: the result


def elementwise(function: Any, arity: int, emit: Emit, result: Any = None) -> None:
    """Have compiled code call `emit` for `function`, whose operands are lanes, or numbers of one type, or both.

    The result is of the operands' type, or of the type `result` where it is given.
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

    for of in (Lanes,) if function in OPERATORS else (Lanes, types.Number):

        @lower_builtin(function, *[of] * arity)  # type: ignore[untyped-decorator]
        def lower(context: Any, builder: Any, signature: Any, operands: Any) -> Any:
            return emit(builder, *operands)


def _instruction(of_floats: str, of_integers: str = "") -> Emit:
    """The builder's instruction of that name, which is another for integers."""

    def emit(builder: Any, *operands: Any) -> Any:
        is_integer = isinstance(operands[0].type.element, ir.IntType)
        return getattr(builder, of_integers if is_integer else of_floats)(*operands)

    return emit


def _compared(how: str) -> Emit:
    """A comparison; as everywhere, NaN is unequal to all, and neither less nor greater."""

    def emit(builder: Any, a: Any, b: Any) -> Any:
        if isinstance(a.type.element, ir.IntType):
            return builder.icmp_signed(how, a, b)
        return (builder.fcmp_unordered if how == "!=" else builder.fcmp_ordered)(how, a, b)

    return emit


OPERATORS: dict[Any, tuple[Emit, Any]] = {
    operator.add: (_instruction("fadd", "add"), None),
    operator.sub: (_instruction("fsub"), None),
    operator.mul: (_instruction("fmul", "mul"), None),
    operator.truediv: (_instruction("fdiv"), None),
    operator.neg: (_instruction("fneg"), None),
    operator.and_: (_instruction("", "and_"), None),
    operator.xor: (_instruction("", "xor"), None),
    operator.rshift: (_instruction("", "lshr"), None),
    operator.lt: (_compared("<"), types.boolean),
    operator.le: (_compared("<="), types.boolean),
    operator.gt: (_compared(">"), types.boolean),
    operator.ne: (_compared("!="), types.boolean),
}
for _operator, (_emit, _result) in OPERATORS.items():
    elementwise(_operator, 1 if _operator is operator.neg else 2, _emit, _result)


def fma(a: Any, b: Any, c: Any) -> Any:
    """a * b + c, rounded once."""
    raise NotImplementedError("only compiled code can")


def sqrt(x: Any) -> Any:
    """The square root."""
    raise NotImplementedError("only compiled code can")


def widen(x: Any) -> Any:
    """A float32 in double precision."""
    raise NotImplementedError("only compiled code can")


def narrow(x: Any) -> Any:
    """A float64 rounded to single precision."""
    raise NotImplementedError("only compiled code can")


def to_float(x: Any) -> Any:
    """A whole number below 2^24, in 64 bits, as a float32."""
    raise NotImplementedError("only compiled code can")


def _called(name: str) -> Emit:
    """LLVM's intrinsic function of that name."""

    def emit(builder: Any, *operands: Any) -> Any:
        of = operands[0].type
        element = getattr(of, "element", of).intrinsic_name
        suffix = f"v{of.count}{element}" if isinstance(of, ir.VectorType) else element
        function = ir.FunctionType(of, [of] * len(operands))
        return builder.call(
            builder.module.declare_intrinsic(f"llvm.{name}.{suffix}", (), function),
            operands,
        )

    return emit


def _converted(*steps: tuple[str, Any]) -> Emit:
    """The builder's conversions, one after the other."""

    def emit(builder: Any, x: Any) -> Any:
        for conversion, element in steps:
            x = getattr(builder, conversion)(x, same_width(x.type, element))
        return x

    return emit


elementwise(fma, 3, _called("fma"))
elementwise(sqrt, 1, _called("sqrt"))
elementwise(widen, 1, _converted(("fpext", ir.DoubleType())), types.float64)
elementwise(
    to_float,
    1,
    _converted(("trunc", ir.IntType(32)), ("sitofp", ir.FloatType())),
    types.float32,
)
elementwise(narrow, 1, _converted(("fptrunc", ir.FloatType())), types.float32)
