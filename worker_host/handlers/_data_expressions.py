"""The expressions of `derive`: parsed by Python's grammar, never evaluated as Python.

Allowed are column names (`col("unit price")` for those that are no identifiers), numbers, text,
True, False, None, `+ - * / // %`, comparisons, `and or not`, `a if condition else b`, and the
functions below. Every other node is refused, so an expression reaches nothing but its columns.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from worker_host.handlers._data_columns import INT64, StepError

if TYPE_CHECKING:
    import polars as pl

T = TypeVar("T", str, int)
ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda left, right: left + right,
    ast.Sub: lambda left, right: left - right,
    ast.Mult: lambda left, right: left * right,
    ast.Div: lambda left, right: left / right,
    ast.FloorDiv: lambda left, right: left // right,
    ast.Mod: lambda left, right: left % right,
}
COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: lambda left, right: left == right,
    ast.NotEq: lambda left, right: left != right,
    ast.Lt: lambda left, right: left < right,
    ast.LtE: lambda left, right: left <= right,
    ast.Gt: lambda left, right: left > right,
    ast.GtE: lambda left, right: left >= right,
}


def compile_expression(text: str, columns: list[str]) -> pl.Expr:
    """The Polars expression of a text.

    Raises:
        StepError: the text breaks the grammar, or names what does not exist; says what does.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval")
        expression: pl.Expr = _Compiler(columns).visit(tree.body)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise StepError(f"expression {text!r} cannot be read: {error}") from error
    return expression


class _Compiler(ast.NodeVisitor):
    def __init__(self, columns: list[str]) -> None:
        self._columns = columns

    def generic_visit(self, node: ast.AST) -> Any:
        raise StepError(f"{ast.unparse(node)!r} is not allowed in an expression")

    def visit_Name(self, node: ast.Name) -> pl.Expr:
        return self._column(node.id)

    def visit_Constant(self, node: ast.Constant) -> pl.Expr:
        import polars as pl

        value = node.value
        if not isinstance(value, str | int | float | None) or (isinstance(value, int) and value not in INT64):
            raise StepError(
                f"{value!r} is not allowed in an expression; use numbers of 64 bits, text, True, False, None"
            )
        return pl.lit(value)

    def visit_BinOp(self, node: ast.BinOp) -> pl.Expr:
        if type(node.op) not in ARITHMETIC:
            return self.generic_visit(node)  # type: ignore[no-any-return] # it raises
        return ARITHMETIC[type(node.op)](self.visit(node.left), self.visit(node.right))  # type: ignore[no-any-return]

    def visit_UnaryOp(self, node: ast.UnaryOp) -> pl.Expr:
        if isinstance(node.op, ast.Not):
            return ~self._truth(node.operand)
        if not isinstance(node.op, ast.USub):
            return self.generic_visit(node)  # type: ignore[no-any-return] # it raises
        return -self.visit(node.operand)  # type: ignore[no-any-return]

    def visit_BoolOp(self, node: ast.BoolOp) -> pl.Expr:
        result = self._truth(node.values[0])
        for value in node.values[1:]:
            result = (
                result & self._truth(value) if isinstance(node.op, ast.And) else result | self._truth(value)
            )
        return result

    def visit_Compare(self, node: ast.Compare) -> pl.Expr:
        if len(node.ops) != 1 or type(node.ops[0]) not in COMPARISONS:
            return self.generic_visit(node)  # type: ignore[no-any-return] # it raises
        return COMPARISONS[type(node.ops[0])](self.visit(node.left), self.visit(node.comparators[0]))  # type: ignore[no-any-return]

    def visit_IfExp(self, node: ast.IfExp) -> pl.Expr:
        import polars as pl

        return pl.when(self._truth(node.test)).then(self.visit(node.body)).otherwise(self.visit(node.orelse))

    def visit_Call(self, node: ast.Call) -> pl.Expr:
        from worker_host.handlers._data_functions import FUNCTIONS

        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name == "col":
            if len(node.args) != 1:
                raise StepError('col takes the name of one column, for example col("unit price")')
            return self._column(_constant(node.args[0], str))
        if name not in FUNCTIONS or node.keywords:
            known = ", ".join(["col", *FUNCTIONS])
            raise StepError(f"{ast.unparse(node)!r} is no known function call; the functions are: {known}")
        function = FUNCTIONS[name]
        if not function.fewest <= len(node.args) <= function.most:
            raise StepError(
                f"{name} takes {function.fewest} to {function.most} arguments, not {len(node.args)}"
            )
        if name == "round":
            return function.build(
                self.visit(node.args[0]), *(_constant(argument, int) for argument in node.args[1:])
            )
        return function.build(*(self.visit(argument) for argument in node.args))

    def _truth(self, node: ast.expr) -> pl.Expr:
        """A condition: without the cast, `and` of two numbers would join their bits."""
        import polars as pl

        return self.visit(node).cast(pl.Boolean)  # type: ignore[no-any-return]

    def _column(self, name: str) -> pl.Expr:
        import polars as pl

        if name not in self._columns:
            raise StepError(f"there is no column {name!r}; the columns are: {', '.join(self._columns[:50])}")
        return pl.col(name)


def _constant(node: ast.expr, kind: type[T]) -> T:
    if not isinstance(node, ast.Constant) or type(node.value) is not kind:
        raise StepError(f"{ast.unparse(node)!r} must be a literal {kind.__name__} here")
    return node.value
