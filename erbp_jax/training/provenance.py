"""What a run was made with: versions, devices, settings, revision, command."""

import importlib.metadata
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any


def environment(command: list[str], devices: list[str], modules: dict[str, Any]) -> dict[str, Any]:
    """Versions, devices, git revision and command of this process; `modules` are those of the user's own."""
    packages = ("erbp-jax", "jax", "jaxlib", "flax", "optax", "numpy")
    return {
        "command": command,
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "devices": devices,
        "versions": {p: _version(p) for p in packages},
        "modules": modules,
        "variables": {name: os.environ[name] for name in sorted(os.environ) if name.startswith(("JAX_", "XLA_"))},
        "git": _git_revision(),
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _git_revision() -> str | None:
    here = Path(__file__).parent
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            cwd=here, capture_output=True, text=True, timeout=10, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
