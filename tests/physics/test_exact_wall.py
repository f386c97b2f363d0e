"""The wall between the judge and everything it judges."""

import ast
from pathlib import Path

from usim.engine import exact

ALLOWED = {"__future__", "collections", "dataclasses", "itertools", "typing", "numpy", "numba"}


def test_the_judge_imports_nothing_it_judges():
    """Why: two routes to one number are worth something only while they share no code.
    Set-up: the syntax trees of all files of `usim.engine.exact`, imports written as text included.
    Expected: NumPy, numba, some of the standard library and the folder's own files alone.
    """
    files = sorted(Path(exact.__file__).parent.glob("*.py"))
    assert len(files) > 1
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{file.name}:{node.lineno} is relative"
                names = [node.module]
            elif isinstance(node, ast.Name) and node.id in ("__import__", "importlib"):
                raise AssertionError(f"{file.name}:{node.lineno} imports by text")
            else:
                continue
            for name in names:
                own = name.startswith("usim.engine.exact.")
                told = f"{file.name}:{node.lineno} imports {name}"
                assert own or name.split(".")[0] in ALLOWED, told
