"""Imports go one way: a room of the package knows only those that stand before it."""

import ast

ROOMS = (
    *("errors", "settings", "interrupts", "archive", "cache", "files", "environment"),
    *("scaling", "kernels", "counting", "parallel", "random", "grid"),
    *("neurons", "connections", "encoding", "network", "simulate"),
    *("data", "tasks", "learning"),
    *("config", "evaluation", "training"),
    *("viz", "comparison", "nsat"),
    *("cli", "__main__", "__init__"),
)
"""Every module and package of `erbp_jax`, from the bottom to the top."""


def imported(tree):
    """Names of the package's modules that a file imports anywhere, also inside functions, with their lines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            top, _, rest = name.partition(".")
            if top == "erbp_jax":
                yield rest.partition(".")[0], node.lineno


def test_no_room_imports_from_above(root):
    package = root / "erbp_jax"
    there = {p.stem for p in package.glob("*.py")} | {p.parent.name for p in package.glob("*/__init__.py")}
    assert there == set(ROOMS)
    wrong = []
    for path in sorted(package.rglob("*.py")):
        here = path.relative_to(package).parts[0].removesuffix(".py")
        below = ROOMS[: ROOMS.index(here) + 1]
        found = imported(ast.parse(path.read_text()))
        wrong += [
            f"{path.relative_to(root)}:{line}: {here} imports {room}" for room, line in found if room not in below
        ]
    assert not wrong, "\n".join(wrong)


def test_an_import_inside_a_function_is_seen():
    text = "import jax\nfrom erbp_jax.viz.run import draw_run\ndef f():\n    from erbp_jax import simulate, network\n"
    assert list(imported(ast.parse(text))) == [("viz", 2), ("simulate", 4), ("network", 4)]
