"""The examples in the docstrings of the package run, and say what they say that they say."""

import ast
import doctest
import importlib
from pathlib import Path

import jax
import pytest

import erbp_jax
from erbp_jax import registry

HERE = Path(erbp_jax.__file__).parent


def examples(file):
    """The docstrings with examples of a file: name, text, line."""
    tree = ast.parse(file.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            text = ast.get_docstring(node, clean=True)
            if text and ">>>" in text:
                yield getattr(node, "name", "module"), text, getattr(node, "lineno", 0)


FILES = {
    ".".join(file.relative_to(HERE.parent).with_suffix("").parts).removesuffix(".__init__"): list(examples(file))
    for file in sorted(HERE.rglob("*.py"))
}


@pytest.mark.parametrize("module", [module for module, found in FILES.items() if found])
def test_examples_of_docstrings(module, tmp_path, monkeypatch):
    for needed in ("nir", "nnx", "hdf5", "logging"):
        if needed in module.split("."):
            pytest.importorskip({"nnx": "flax", "hdf5": "h5py", "logging": "tensorboardX"}.get(needed, needed))
    monkeypatch.chdir(tmp_path)
    for group in registry.GROUPS:
        registry.entries(group)
    monkeypatch.setattr(registry, "_ENTRIES", dict(registry._ENTRIES))  # an example's component is gone after it
    own = importlib.import_module(module)
    runner = doctest.DocTestRunner(verbose=False)
    for name, text, line in FILES[module]:
        test = doctest.DocTestParser().get_doctest(text, dict(vars(own)), f"{module}.{name}", own.__file__, line)
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):  # as users have it
            runner.run(test)
    assert runner.tries
    assert not runner.failures
