"""Who may import whom (docs/architecture.md), read from the files themselves."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = "t2t_multimodel"

# A part may import itself, `registry`, `quiet` and:
ALLOWED = {
    "registry": set[str](),
    "quiet": set[str](),
    "data": set[str](),
    "layers": set[str](),
    "modalities": {"layers"},
    "models": {"modalities", "layers"},
    "decoding": {"data", "models", "training"},
    "training": {"data", "models", "layers"},
    "evaluation": {"data", "models", "decoding"},
    "reporting": {"data", "models", "layers", "decoding", "training", "evaluation"},
    "api": {"data", "models", "decoding", "training", "evaluation", "reporting"},
    "experiments": {
        *("data", "models", "decoding", "training", "evaluation", "reporting", "api"),
    },
    "problems": {"data"},
    "hparams": {"models", "training"},
}
FREE = {"bin", "testing"}
KERAS_ONLY = {"layers", "modalities", "models"}
NO_KERAS = {"data", "problems", "registry", "quiet"}


def _files() -> list[Path]:
    folders = [ROOT / PACKAGE, *(ROOT / top for top in ("problems", "hparams", "bin"))]
    found = {path.resolve() for folder in folders for path in folder.rglob("*.py")}
    return sorted(found)


def _part(path: Path) -> str:
    """The part of the project that a file belongs to."""
    parts = path.relative_to(ROOT.resolve()).with_suffix("").parts
    return parts[1] if parts[0] == PACKAGE else parts[0]


def _imports(path: Path) -> list[str]:
    """Full names of what a file imports, type-checking blocks left out."""
    found = []

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return
        if isinstance(node, ast.Import):
            found.extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            found.extend(f"{node.module}.{alias.name}" for alias in node.names)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text("utf-8")))
    return found


def test_there_are_files_to_look_at() -> None:
    assert {"data", "registry", "problems", "bin"} <= {_part(path) for path in _files()}


@pytest.mark.parametrize("path", _files(), ids=lambda p: str(p.relative_to(ROOT)))
def test_a_file_imports_only_what_its_part_may(path: Path) -> None:
    part = _part(path)
    for name in _imports(path):
        top, _, rest = name.partition(".")
        if top == PACKAGE and part not in FREE:
            target = rest.split(".")[0]
            allowed = {part, "registry", "quiet"} | ALLOWED.get(part, set())
            assert target in allowed, f"{part} may not import {name}"
        if part in KERAS_ONLY:
            assert top != "tensorflow", f"{part} uses keras.ops only, not {name}"
        if part in NO_KERAS:
            assert top != "keras", f"{part} knows no Keras"


def test_the_package_itself_loads_nothing_heavy() -> None:
    code = (
        "import sys, t2t_multimodel\n"
        "assert t2t_multimodel.__version__\n"
        "sys.exit(any(m in sys.modules for m in ('tensorflow', 'keras', 'numpy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_public_names_are_found_on_first_use() -> None:
    import t2t_multimodel
    from t2t_multimodel.data.features import Text

    assert t2t_multimodel.Text is Text
    assert {"Problem", "MultiModel"} <= set(dir(t2t_multimodel))
    with pytest.raises(AttributeError, match="no attribute 'Txt'"):
        _ = t2t_multimodel.Txt
