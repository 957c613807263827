"""Measure how the package is laid out and written: rooms, import arrows, `Any`, tuple assignments, sizes.

python benchmarks/structure.py [FOLDER]      # of a checkout; default: this one
"""

from __future__ import annotations

import ast
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parents[1]


def room(module: str) -> str:
    """Return the room of a module: the folder below the package, or the file itself."""
    return module.split(".")[1] if "." in module else module


def arrows(trees: dict[str, ast.Module]) -> set[tuple[str, str]]:
    """Return which rooms import which; what is imported for type checkers counts too."""
    found = set()
    for module, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("skxmr."):
                found.add((room(module), room(node.module or "")))
            if isinstance(node, ast.ImportFrom) and node.module == "skxmr" and module != "skxmr":
                found |= {(room(module), name.name) for name in node.names if f"skxmr.{name.name}" in trees}
    return {(a, b) for a, b in found if a != b and a != "skxmr"}


def functions(trees: dict[str, ast.Module]) -> Iterator[tuple[int, str]]:
    """Yield the length of every function without its docstring, and its name."""
    for module, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                if body:
                    yield (node.end_lineno or 0) - body[0].lineno + 1, f"{module}.{node.name}"


def init_lines(trees: dict[str, ast.Module]) -> int:
    """Return the lines of all constructors."""
    nodes = [node for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    return sum((node.end_lineno or 0) - node.lineno + 1 for node in nodes if node.name == "__init__")


def count(trees: dict[str, ast.Module], kind: str) -> int:
    """Return how often something occurs: the name Any, tuple assignments, or comprehensions."""
    nodes = [node for tree in trees.values() for node in ast.walk(tree)]
    if kind == "Any":
        return sum(isinstance(node, ast.Name) and node.id == "Any" for node in nodes)
    if kind == "tuple assignments":
        assigned = [node for node in nodes if isinstance(node, ast.Assign)]
        return sum(isinstance(target, ast.Tuple) for node in assigned for target in node.targets)
    kinds = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
    return sum(isinstance(node, kinds) for node in nodes)


def import_seconds(folder: Path, statement: str) -> float:
    """Return the shortest of five imports in processes of their own."""
    taken = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", statement], cwd=folder, check=True)
        taken.append(time.perf_counter() - start)
    return min(taken)


def main() -> None:
    """Print the table of a checkout."""
    folder = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else HERE
    files = sorted((folder / "skxmr").rglob("*.py"))
    names = {file: ".".join(file.relative_to(folder).with_suffix("").parts).removesuffix(".__init__") for file in files}
    texts = {names[file]: file.read_text(encoding="utf-8") for file in files}
    trees = {name: ast.parse(text) for name, text in texts.items()}
    lines = {name: text.count("\n") for name, text in texts.items()}
    total = sum(lines.values())
    tests = sum(file.read_text(encoding="utf-8").count("\n") for file in (folder / "tests").rglob("*.py"))
    loose = [file for file in (folder / "skxmr").glob("*.py") if file.name != "__init__.py"]
    shims = [
        file
        for file in loose
        if "DeprecationWarning" in file.read_text(encoding="utf-8") or "moved(" in file.read_text(encoding="utf-8")
    ]
    layers = (folder / "setup.cfg").read_text(encoding="utf-8").partition("layers =\n")[2].partition("\n\n")[0]
    print(f"rooms: {len({room(name) for name in names.values() if name != 'skxmr'}) - len(shims)}")
    print(f"loose files (without shims): {len(loose) - len(shims)}; shims: {len(shims)}")
    print(f"levels of the contract: {len(layers.splitlines())}; import arrows between rooms: {len(arrows(trees))}")
    for kind in ("Any", "tuple assignments", "comprehensions"):
        print(f"{kind} per 1,000 lines: {1000 * count(trees, kind) / total:.1f}")
    print("longest functions:", *sorted(functions(trees), reverse=True)[:3])
    print("longest files:", *sorted(((n, name) for name, n in lines.items()), reverse=True)[:3])
    print(f"lines of the package: {total}; of the tests: {tests}; in __init__ methods: {init_lines(trees)}")
    for statement in ("pass", "import skxmr", "from skxmr import MLCCA", "from skxmr import DAGNN"):
        print(f"seconds of {statement!r}: {import_seconds(folder, statement):.2f}")


if __name__ == "__main__":
    main()
