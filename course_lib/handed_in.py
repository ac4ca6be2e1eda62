"""Finds the answers in a handed-in notebook, without running any of it.

For each exercise: the cell that answers it, and of the cells before it only those
statements that the answer needs (imports, helpers, constants). Everything else, such as
trainings, plots and the notebook's own checks, is left out.
"""

import ast
import builtins
import re
import symtable
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

from course_lib.notebook_files import exercise_of, is_stub

PYTHON_MAGICS = ("%%time", "%%timeit", "%%capture", "%%prun")
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
OWN_SCOPE = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True)
class Answer:
    """What was handed in for one exercise.

    source: a program that defines it, "" when there is none; uses: names of other
    exercises that it calls; borrowed: it imports solutions of the course.
    """

    exercise: str
    source: str = ""
    uses: tuple[str, ...] = ()
    borrowed: bool = False


@dataclass(frozen=True)
class Statement:
    """One statement at the top level of a cell.

    binds: names that it defines; needs: global names that it reads; extends: names
    whose items or attributes it sets.
    """

    cell: int
    text: str
    binds: frozenset[str]
    needs: frozenset[str]
    extends: frozenset[str]
    is_check: bool


def find_answers(
    notebook: NotebookNode, exercises: Sequence[str], all_names: Collection[str]
) -> list[Answer]:
    """The answers to some exercises. all_names: of every exercise of the course."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    statements: list[Statement] = []
    broken = {}
    for number, cell in enumerate(cells):
        text = cell.source
        try:
            text = python_of(text)
            statements += read_statements(number, text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            broken[number] = text
    answers = []
    for name in exercises:
        number = answering_cell(name, cells, statements, broken)
        if number is None:
            answers.append(Answer(name))
        elif number in broken:
            answers.append(Answer(name, broken[number]))
        else:
            answers.append(collect(name, number, statements, all_names))
    return answers


def exercises_in(notebook: NotebookNode, all_names: Collection[str]) -> set[str]:
    """The exercises that a notebook holds: by the marks of its cells, else by name."""
    marked = {exercise_of(cell) for cell in notebook.cells} & set(all_names)
    if marked:
        return marked
    text = "\n".join(c.source for c in notebook.cells if c.cell_type == "code")
    defined = re.findall(r"^(?:def|class)\s+(\w+)|^(\w+)\s*=(?!=)", text, re.MULTILINE)
    return {name for pair in defined for name in pair} & set(all_names)


def answering_cell(
    name: str,
    cells: Sequence[NotebookNode],
    statements: Sequence[Statement],
    broken: Collection[int],
) -> int | None:
    """The cell that answers an exercise.

    Marked cells go before others, answers before stubs, later ones before earlier ones.
    """
    binding = {s.cell for s in statements if name in s.binds and not s.is_check}
    marked = [n for n, cell in enumerate(cells) if exercise_of(cell) == name]
    good = [n for n in marked if n in binding or n in broken]
    others = sorted(binding - set(marked))
    for candidates in (good, others):
        answered = [n for n in candidates if not is_stub(cells[n].source, name)]
        if answered:
            return answered[-1]
    stubs = good or others
    return stubs[-1] if stubs else None


def collect(
    name: str, cell: int, statements: Sequence[Statement], all_names: Collection[str]
) -> Answer:
    """The answer's own statement and, step by step, all that it needs."""
    places = range(len(statements))
    target = [p for p in places if is_binder(statements[p], name, cell)][-1]
    chosen, todo, uses = {target}, [target], set()
    while todo:
        at = todo.pop()
        for needed in statements[at].needs:
            if needed in all_names and needed != name:
                uses.add(needed)
                continue
            found = providers(needed, at, statements) - chosen
            if needed == name:  # as in `name = compiled(name)`: an earlier definition
                found = {p for p in found if p < at}
            chosen |= found
            todo += found
    chosen |= {p for p in places if is_for_all(statements[p])}
    texts = [statements[p].text for p in sorted(chosen)]
    source = "\n".join(texts) + "\n"
    return Answer(name, source, tuple(sorted(uses)), borrows(source, all_names))


def borrows(source: str, all_names: Collection[str]) -> bool:
    """True when a program imports an exercise's solution, or all of a module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            if any(alias.name.startswith("course_lib") for alias in node.names):
                return True
        elif isinstance(node, ast.ImportFrom):
            parts = (node.module or "").split(".")
            names = {alias.name for alias in node.names}
            if parts[0] == "course_lib" and (
                len(parts) == 1 or "exercises" in parts or names & {"*", *all_names}
            ):
                return True
    return False


def is_for_all(statement: Statement) -> bool:
    """True for `from a import *` and for imports from __future__."""
    return "*" in statement.binds or statement.text.startswith("from __future__")


def is_binder(statement: Statement, name: str, cell: int) -> bool:
    """True for a statement of this cell that defines the name itself."""
    return statement.cell == cell and name in statement.binds and not statement.is_check


def providers(name: str, at: int, statements: Sequence[Statement]) -> set[int]:
    """The last definition of a name before a statement, else the first one after it.

    With it come the statements in between that set its items or attributes.
    """
    if hasattr(builtins, name):
        return set()
    binders = [
        p for p, s in enumerate(statements) if name in s.binds and not s.is_check
    ]
    before = [p for p in binders if p < at]
    if not before:
        return set(binders[:1])
    extending = {p for p in range(before[-1], at) if name in statements[p].extends}
    return {before[-1]} | extending


def python_of(source: str) -> str:
    """The Python in a cell; what only IPython knows becomes calls of its functions."""
    source = source.replace("\r\n", "\n").lstrip("\n")
    first, _, rest = source.partition("\n")
    if first.startswith("%%"):
        source = rest if first.startswith(PYTHON_MAGICS) else ""
    return TransformerManager().transform_cell(source)


def read_statements(cell: int, source: str) -> list[Statement]:
    """The statements of one cell. Raises SyntaxError for text that is no Python."""
    lines = source.splitlines()
    nodes = ast.parse(source).body
    spans = [(first_line(node), node.end_lineno) for node in nodes]
    found = []
    for n, (node, (start, end)) in enumerate(zip(nodes, spans, strict=True)):
        shared = any(start <= b and a <= end for a, b in spans[:n] + spans[n + 1 :])
        text = ast.unparse(node) if shared else "\n".join(lines[start - 1 : end])
        table = symtable.symtable(text, "cell", "exec")
        found.append(
            Statement(
                cell,
                text,
                frozenset(bound_names(node)),
                frozenset(needed_names(table) | extended_names(node)),
                frozenset(extended_names(node)),
                is_check_call(node),
            )
        )
    return found


def first_line(node: ast.stmt) -> int:
    """The line where a statement begins, its decorators included."""
    decorators = node.decorator_list if isinstance(node, Definition) else []
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def bound_names(node: ast.AST) -> set[str]:
    """Names that a statement defines at the top level."""
    if isinstance(node, Definition):
        return {node.name}
    if isinstance(node, (*OWN_SCOPE, ast.AugAssign)):
        return set()
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {(a.asname or a.name).partition(".")[0] for a in node.names}
    if isinstance(node, ast.Name):
        return {node.id} if isinstance(node.ctx, ast.Store) else set()
    return {name for child in ast.iter_child_nodes(node) for name in bound_names(child)}


def needed_names(table: symtable.SymbolTable) -> set[str]:
    """Global names that a text reads, in whatever function or class."""
    top = table.get_type() == "module"
    names = {
        symbol.get_name()
        for symbol in table.get_symbols()
        if symbol.is_referenced() and (top or symbol.is_global())
    }
    return names.union(*(needed_names(child) for child in table.get_children()))


def extended_names(node: ast.stmt) -> set[str]:
    """`x` for `x.a = 1`, `x[0] = 1` and `x += 1`."""
    if isinstance(node, ast.AugAssign):
        targets = [node.target]
    else:
        targets = node.targets if isinstance(node, ast.Assign) else []
    names = set()
    for target in targets:
        inner = target
        while isinstance(inner, ast.Attribute | ast.Subscript):
            inner = inner.value
        plain = inner is target and not isinstance(node, ast.AugAssign)
        if isinstance(inner, ast.Name) and not plain:
            names.add(inner.id)
    return names


def is_check_call(node: ast.stmt) -> bool:
    """True for `x = check(...)`, which a grade never relies on."""
    value = node.value if isinstance(node, ast.Assign | ast.Expr) else None
    if not isinstance(value, ast.Call):
        return False
    function = value.func
    name = function.attr if isinstance(function, ast.Attribute) else ""
    return (function.id if isinstance(function, ast.Name) else name) == "check"
