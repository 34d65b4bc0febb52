"""Tests that cannot fail, found by breaking the code: `make mutation`, MUTATION_ARGS="pain --mutants 200 --seed 2".

Each mutant is the package with one small error: a turned comparison, a wrong number, a dropped statement. A mutant that
the package's tests let pass ("survives") is either equivalent to the original, or shows a promise that no test holds.
The share that is killed is printed for each package, and every survivor with its line. Mutants are sampled at random
from all that are possible; the same seed gives the same ones.
"""

import argparse
import ast
import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PYTEST = ["-x", "-q", "--no-header", "-p", "no:cacheprovider", "-p", "no:xdist", "-m", "not slow and not media"]


@dataclass(frozen=True, slots=True)
class Package:
    """What is broken, and which quick tests must notice.

    Attributes:
        sources: Files of the package, as patterns from the root.
        tests: Stages of tests; a later one is asked only about what passed the one before.
    """

    sources: tuple[str, ...]
    tests: tuple[tuple[str, ...], ...]


PACKAGES = {
    "pain": Package(
        ("monitor/pain/*.py",),
        (
            (
                "tests/monitor/pain",
                *(f"--ignore=tests/monitor/pain/test_{name}.py" for name in ("endurance", "frame_rate", "simulation")),
                "--ignore=tests/monitor/pain/test_promises.py",
            ),
            ("tests/monitor/pain/test_promises.py", "tests/monitor/pipeline", "tests/monitor/board"),
        ),
    ),
    "delivery": Package(
        ("monitor/delivery/*.py",), (("tests/monitor/delivery",), ("tests/faults/test_redis_kill.py",))
    ),
    "patient": Package(
        ("monitor/faces/patient*.py",),
        (
            ("tests/monitor/faces/test_patient.py", "tests/monitor/faces/test_patient_tracker.py"),
            ("tests/monitor/faces",),
        ),
    ),
    "evaluation": Package(("trainer/evaluation/*.py",), (("tests/trainer/evaluation",),)),
}

_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==",
    ast.Is: "is not", ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in",
}  # fmt: skip
_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*", ast.FloorDiv: "*", ast.Mod: "*",
}  # fmt: skip
_SWAPPED = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One error in one file.

    Attributes:
        path: File, from the root.
        line: Where, counted from 1.
        start: First byte that is replaced.
        end: Byte after the last.
        text: What stands there instead.
        kind: In a word.
    """

    path: str
    line: int
    start: int
    end: int
    text: str
    kind: str


class _Finder(ast.NodeVisitor):
    """Collects every mutant of one file."""

    def __init__(self, path: str, source: bytes) -> None:
        self.found: list[Mutant] = []
        self._path, self._source = path, source
        self._starts = [0]
        for line in source.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def _span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = self._starts[node.lineno - 1] + node.col_offset
        return start, self._starts[node.end_lineno - 1] + node.end_col_offset

    def _text(self, node: ast.expr) -> str:
        start, end = self._span(node)
        return self._source[start:end].decode()

    def _add(self, node: ast.expr | ast.stmt, text: str, kind: str) -> None:
        self.found.append(Mutant(self._path, node.lineno, *self._span(node), text, kind))

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        # Decorators, annotations and the docstring are no behaviour.
        for default in [*node.args.defaults, *node.args.kw_defaults]:
            if default is not None:
                self.visit(default)
        for statement in node.body:
            self.visit(statement)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for statement in node.body:
            self.visit(statement)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_Assign(self, node: ast.Assign) -> None:
        if not (isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__"):
            self.generic_visit(node)
        if any(isinstance(target, ast.Attribute) for target in node.targets):
            self._add(node, "pass", "assignment dropped")

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._add(node, "pass", "assignment dropped")
        self.visit(node.value)

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call):
            called = ast.unparse(node.value.func)
            if "log" in called.lower():  # nobody promises the words of the log
                return
            self._add(node, "pass", "call dropped")
        self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        """Leave the words of errors alone."""

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is not None and not (isinstance(node.value, ast.Constant) and node.value.value is None):
            self._add(node, "return None", "answer dropped")
            self.visit(node.value)

    def visit_Continue(self, node: ast.Continue) -> None:
        self._add(node, "break", "continue -> break")

    def visit_Break(self, node: ast.Break) -> None:
        self._add(node, "continue", "break -> continue")

    def _condition(self, test: ast.expr) -> None:
        if not isinstance(test, ast.Compare | ast.UnaryOp):
            self._add(test, f"(not ({self._text(test)}))", "condition turned")

    def visit_If(self, node: ast.If) -> None:
        self._condition(node.test)
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._condition(node.test)
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        self.generic_visit(node)
        parts = [node.left, *node.comparators]
        for index, operator in enumerate(node.ops):
            texts = [self._text(parts[0])]
            for number, (other, right) in enumerate(zip(node.ops, parts[1:], strict=True)):
                plain = ast.unparse(ast.Compare(ast.Name("a"), [other], [ast.Name("b")]))[2:-2]
                texts += [_COMPARISONS[type(operator)] if number == index else plain, self._text(right)]
            self._add(node, f"({' '.join(texts)})", f"-> {_COMPARISONS[type(operator)]}")

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        self.generic_visit(node)
        word = " or " if isinstance(node.op, ast.And) else " and "
        self._add(node, "(" + word.join(f"({self._text(value)})" for value in node.values) + ")", f"->{word}")

    def visit_BinOp(self, node: ast.BinOp) -> None:
        self.generic_visit(node)
        other = _OPERATORS.get(type(node.op))
        if other and not isinstance(node.left, ast.Constant | ast.JoinedStr | ast.List | ast.Tuple):
            self._add(node, f"(({self._text(node.left)}) {other} ({self._text(node.right)}))", f"-> {other}")

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        self.visit(node.operand)
        if isinstance(node.op, ast.Not | ast.USub):
            self._add(node, f"({self._text(node.operand)})", "sign dropped")

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id in _SWAPPED:
            self._add(node.func, _SWAPPED[node.func.id], f"-> {_SWAPPED[node.func.id]}")

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self._add(node, str(not node.value), f"-> {not node.value}")
        elif isinstance(node.value, int | float):
            other = node.value * 2 + 1
            self._add(node, repr(other), f"-> {other!r}")

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Leave texts alone."""


def mutants_of(path: str) -> list[Mutant]:
    """Return every mutant of one file that Python can still compile."""
    source = (REPOSITORY / path).read_bytes()
    finder = _Finder(path, source)
    finder.visit(ast.parse(source))
    return [mutant for mutant in finder.found if _compiles(source, mutant)]


def _mutated(source: bytes, mutant: Mutant) -> bytes:
    return source[: mutant.start] + mutant.text.encode() + source[mutant.end :]


def _compiles(source: bytes, mutant: Mutant) -> bool:
    try:
        ast.parse(_mutated(source, mutant))
    except SyntaxError:
        return False
    return True


def _copy(directory: Path) -> None:
    """Copy what tests need of the checkout; the rest is linked."""
    for entry in REPOSITORY.iterdir():
        if entry.name in {"monitor", "trainer", "export", "tests"}:
            shutil.copytree(entry, directory / entry.name, ignore=shutil.ignore_patterns("__pycache__"))
        elif entry.name not in {".git", ".venv", "build", "site", ".hypothesis", ".pytest_cache"}:
            (directory / entry.name).symlink_to(entry)


def _passes(checkout: Path, tests: tuple[str, ...], timeout_seconds: float | None) -> bool:
    """Run tests in the copy; a run that does not end has failed."""
    environment = {**os.environ, "PYTHONPATH": str(checkout), "PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", *PYTEST, *tests],
        cwd=checkout, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        return process.wait(timeout_seconds) == 0
    except subprocess.TimeoutExpired:
        return False
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # servers that a broken test left behind
        process.wait()


def survivors_of(package: Package, count: int, seed: int) -> Iterator[tuple[Mutant, bool]]:
    """Try a random sample of a package's mutants; yield each with whether it survived.

    Raises:
        SystemExit: The tests fail without any error in the code.
    """
    paths = sorted({str(p.relative_to(REPOSITORY)) for pattern in package.sources for p in REPOSITORY.glob(pattern)})
    possible = [mutant for path in paths for mutant in mutants_of(path)]
    chosen = random.Random(seed).sample(possible, min(count, len(possible)))
    print(f"{len(possible)} mutants are possible, {len(chosen)} are tried", flush=True)
    with tempfile.TemporaryDirectory(prefix="nicu-mutation-") as name:
        checkout = Path(name)
        _copy(checkout)
        limits = []
        for tests in package.tests:
            began = time.monotonic()
            if not _passes(checkout, tests, None):
                sys.exit(f"these fail already without a mutant: pytest {' '.join(tests)}")
            limits.append(3 * (time.monotonic() - began) + 30)
        for mutant in chosen:
            target = checkout / mutant.path
            source = target.read_bytes()
            target.write_bytes(_mutated(source, mutant))
            survived = all(_passes(checkout, tests, limit) for tests, limit in zip(package.tests, limits, strict=True))
            target.write_bytes(source)
            yield mutant, survived


def main() -> None:
    """Break the named packages, or all."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("packages", nargs="*", help=f"some of {', '.join(PACKAGES)}; all when absent")
    parser.add_argument("--mutants", type=int, default=60, help="how many of each package")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    unknown = set(options.packages) - set(PACKAGES)
    if unknown:
        parser.error(f"no package {', '.join(sorted(unknown))}; there are {', '.join(PACKAGES)}")
    for name in options.packages or PACKAGES:
        tried, survived = 0, 0
        for mutant, lives in survivors_of(PACKAGES[name], options.mutants, options.seed):
            tried += 1
            if lives:
                survived += 1
                source = (REPOSITORY / mutant.path).read_bytes()
                was = " ".join(source[mutant.start : mutant.end].decode().split())
                print(f"  survives: {mutant.path}:{mutant.line} {mutant.kind}: {was} -> {mutant.text}", flush=True)
            if tried % 10 == 0:
                print(f"{name}: {tried - survived} of {tried} killed so far", flush=True)
        print(
            f"{name}: {tried - survived} of {tried} mutants killed ({(tried - survived) / max(1, tried):.0%})",
            flush=True,
        )


if __name__ == "__main__":
    main()
