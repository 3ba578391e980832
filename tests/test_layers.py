"""Imports go one way: a room of the package knows only those that stand before it."""

import ast

ROOMS = (
    *("errors", "wording", "settings", "interrupts", "archive", "hdf5", "cache", "files", "environment"),
    *("units", "declared", "outside", "registry"),
    *("scaling", "kernels", "counting", "parallel", "random", "grid", "params", "graph", "trace"),
    *(
        "neurons",
        "connections",
        "projection",
        "assembly",
        "fits",
        "block",
        "printed",
        "network",
        "chain",
        "encoding",
        "simulate",
    ),
    *("data", "tasks", "learning", "training.average", "training.experiment"),
    *("config", "evaluation", "training"),
    *("viz", "comparison", "nsat", "nnx"),
    "api",
    "nir",
    *("cli", "__main__", "__init__"),
)
"""Every module and package of `erbp_jax`, from the bottom to the top; a module of a package may have its own place."""


def room(module):
    """The room of a dotted name below `erbp_jax`."""
    first_two = ".".join(module.split(".")[:2])
    return first_two if first_two in ROOMS else module.split(".")[0]


def nodes(tree):
    """Of a file, without what stands under `if TYPE_CHECKING`, which never runs."""
    for node in ast.iter_child_nodes(tree):
        if not (isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"):
            yield node
            yield from nodes(node)


def imported(tree):
    """Rooms that a file imports from anywhere, also inside functions, with their lines."""
    for node in nodes(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            top, _, rest = name.partition(".")
            if top == "erbp_jax":
                yield room(rest), node.lineno


def test_no_room_imports_from_above(root):
    package = root / "erbp_jax"
    there = {p.stem for p in package.glob("*.py")} | {p.parent.name for p in package.glob("*/__init__.py")}
    assert there == {name for name in ROOMS if "." not in name}
    wrong = []
    for path in sorted(package.rglob("*.py")):
        here = room(".".join(path.relative_to(package).with_suffix("").parts))
        below = ROOMS[: ROOMS.index(here) + 1]
        found = imported(ast.parse(path.read_text()))
        wrong += [
            f"{path.relative_to(root)}:{line}: {here} imports {other}" for other, line in found if other not in below
        ]
    assert not wrong, "\n".join(wrong)


def test_an_import_inside_a_function_is_seen():
    text = "import jax\nfrom erbp_jax.viz.run import draw_run\ndef f():\n    from erbp_jax import simulate, network\n"
    text += "if TYPE_CHECKING:\n    from erbp_jax.cli import main\nfrom erbp_jax.training.experiment import x\n"
    assert list(imported(ast.parse(text))) == [("viz", 2), ("simulate", 4), ("network", 4), ("training.experiment", 7)]
