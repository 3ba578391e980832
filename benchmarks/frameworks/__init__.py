"""The same spiking networks in several frameworks, for benchmarks: one file a framework, with nothing but the model."""

from importlib import import_module
from importlib.util import find_spec

from frameworks.base import Built, Framework, Semantics

OWN = ("plain_jax", "ours", "ours_by_events")
PEERS = ("spyx", "jaxpike", "snntorch", "spikingjelly", "norse")
"""Modules here. The peers need packages of the same name: `pip install '.[bench]'`."""

__all__ = ["OWN", "PEERS", "Built", "Framework", "Semantics", "available", "load"]


def available() -> list[str]:
    """Those whose package is installed."""
    return [*OWN, *(name for name in PEERS if find_spec(name))]


def load(name: str) -> Framework:
    """A framework by the name of its module here."""
    return import_module(f"frameworks.on_{name}").FRAMEWORK
