"""A kept run: its folder under `docs/results`, and what a table reads from it."""

import json
import statistics
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "docs" / "results"
UNKNOWN = "unknown"
"""What a table prints where a run does not hold its commit."""


@dataclass(frozen=True)
class Run:
    """The files of a run folder, read.

    Attributes:
        folder: below `docs/results`.
        config: the resolved configuration (`config.yaml`).
        summary: `summary.json`.
        metrics: one dictionary per epoch (`metrics.jsonl`).
        environment: `environment.json`; empty for runs from before it was kept.
    """

    folder: str
    config: dict[str, Any]
    summary: dict[str, Any]
    metrics: tuple[dict[str, Any], ...]
    environment: dict[str, Any]

    @property
    def seeds(self) -> int:
        return int(self.summary["seeds"])

    @property
    def ticks(self) -> int:
        """Ticks of a presentation in learning."""
        return int(self.config["encoding"]["steps"])

    @property
    def test_ticks(self) -> int:
        """Ticks of a presentation in a test."""
        return int(self.config["encoding"].get("test_steps") or self.ticks)

    @property
    def commit(self) -> str:
        return str(self.environment.get("git", UNKNOWN))

    @property
    def command(self) -> str:
        """The command that started the run, or the one that trains by the configuration that was kept."""
        if "command" in self.environment:
            return " ".join(self.environment["command"])
        return f"erbp-jax train docs/results/{self.folder}/config.yaml"

    def errors(self, over: int) -> list[float]:
        """The mean test error of the last `over` epochs in percent, one number per seed."""
        last = [_errors_of(epoch) for epoch in self.metrics[-over:]]
        return [statistics.fmean(seed) for seed in zip(*last, strict=True)]


def _errors_of(epoch: dict[str, Any]) -> list[float]:
    """The test error of every seed after an epoch."""
    if "per_seed" in epoch:
        return epoch["per_seed"]["test_error"]
    return [epoch["test_error"]]


def spread(values: list[float]) -> float | None:
    """The sample standard deviation (ddof 1), or None for a single value."""
    return statistics.stdev(values) if len(values) > 1 else None


@cache
def read(folder: str) -> Run:
    """Read the run in `docs/results/FOLDER`.

    Raises:
        FileNotFoundError: its config, summary or metrics are not there.
    """
    path = RESULTS / folder
    environment = path / "environment.json"
    lines = (path / "metrics.jsonl").read_text().splitlines()
    return Run(
        folder=folder,
        config=yaml.safe_load((path / "config.yaml").read_text()),
        summary=json.loads((path / "summary.json").read_text()),
        metrics=tuple(json.loads(line) for line in lines if line.strip()),
        environment=json.loads(environment.read_text()) if environment.exists() else {},
    )


@cache
def kept() -> tuple[str, ...]:
    """The folders of all runs that hold a configuration, below `docs/results`, in order."""
    return tuple(sorted(p.parent.relative_to(RESULTS).as_posix() for p in RESULTS.rglob("config.yaml")))


@cache
def matching(pattern: str) -> tuple[str, ...]:
    """The kept runs whose folder matches a pattern such as `sparse/784_200_200_10/seed*`, or one of several.

    Args:
        pattern: several are separated by spaces.

    Raises:
        ValueError: none does.
    """
    found = tuple(folder for folder in kept() if any(fnmatchcase(folder, one) for one in pattern.split()))
    if not found:
        raise ValueError(f"no kept run matches {pattern!r} in docs/results")
    return found


def of(family: str, network: str) -> str:
    """The pattern of a network's runs in `docs/results/FAMILY`, one folder or one per seed; empty if there are none."""
    folder = f"{family}/{network.replace('-', '_')}"
    return f"{folder} {folder}/*" if (RESULTS / folder).exists() else ""


def value(file: str, *path: str | int) -> Any:
    """What a JSON file below `docs/results` holds at a path of keys and places."""
    found = _document(file)
    for key in path:
        found = found[key]
    return found


@cache
def _document(file: str) -> Any:
    return json.loads((RESULTS / file).read_text())
