"""R18: nothing in src loads in a way that can run somebody's code, opens a shell, or reaches the network."""

from __future__ import annotations

import ast
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "usim"

MODULES = {
    "pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib",
    "socket", "urllib", "http", "requests", "ftplib", "telnetlib",
}  # fmt: skip
CALLS = {"eval", "exec", "compile", "__import__"}
# Loaders of PyYAML that build objects, and every door of the operating system to a shell.
ATTRIBUTES = {
    ("yaml", "load"), ("yaml", "load_all"), ("yaml", "unsafe_load"), ("yaml", "full_load"),
    ("os", "system"), ("os", "popen"), ("torch", "load"),
}  # fmt: skip


def _faults(text: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(text)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        found += [(node, f"imports {name}") for name in names if name.split(".")[0] in MODULES]
        if not isinstance(node, ast.Call):
            continue
        call = node.func
        if isinstance(call, ast.Name) and call.id in CALLS:
            found.append((node, f"calls {call.id}"))
        if isinstance(call, ast.Attribute) and isinstance(call.value, ast.Name):
            name = (call.value.id, call.attr)
            if name in ATTRIBUTES:
                found.append((node, f"calls {'.'.join(name)}"))
            if name in (("np", "load"), ("numpy", "load")):
                allowed = [word.value for word in node.keywords if word.arg == "allow_pickle"]
                if not allowed or getattr(allowed[0], "value", True) is not False:
                    found.append((node, "np.load without allow_pickle=False"))
        found += [
            (node, f"{word.arg}=True")
            for word in node.keywords
            if word.arg in ("shell", "allow_pickle")
            and getattr(word.value, "value", True) is not False
        ]
    return [f"{node.lineno}: {fault}" for node, fault in found]


def test_nothing_in_src_can_run_what_it_reads(figures):
    files = sorted(PACKAGE.rglob("*.py"))
    faults = [
        f"{path.relative_to(PACKAGE.parent)}:{fault}"
        for path in files
        for fault in _faults(path.read_text(encoding="utf-8"))
    ]
    figures("R18 unsafe calls in src", len(faults), "calls", "0", len(files))
    assert not faults, "\n".join(faults)


def test_the_scan_sees_what_it_should():
    text = "import pickle\nfrom socket import create_connection\nnp.load('x')\neval('1')\nrun('x', shell=True)\n"
    assert [fault.split(":")[0] for fault in _faults(text)] == ["1", "2", "3", "4", "5"]
