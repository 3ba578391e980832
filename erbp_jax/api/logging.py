"""Callbacks for `fit(..., on_epoch=...)`."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from erbp_jax.errors import UserError
from erbp_jax.files import write_text


def tensorboard(folder: Path | str) -> Callable[[dict[str, Any], Any], None]:
    """A callback that writes every number of an epoch's metrics for TensorBoard.

    In use: `ej.fit(network, rule, data, on_epoch=ej.tensorboard("logs"))`, then `tensorboard --logdir logs`.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> import erbp_jax as ej
        >>> data = ej.data.load("digits").subset(100, 20)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     log = ej.tensorboard(folder)
        ...     model = ej.fit(ej.mlp(64, 10), ej.ERBP.default, data, epochs=1, on_epoch=log, progress=False)
        ...     (file,) = Path(folder).iterdir()
        ...     print(b"test_error" in file.read_bytes())
        True

    Raises:
        UserError: the `tensorboard` extra is not installed.
    """
    writer = writer_class()(str(folder))

    def write(metrics: dict[str, Any], learner: Any) -> None:
        del learner
        for name, value in numbers(metrics):
            writer.add_scalar(name, value, metrics["epoch"])
        writer.flush()

    return write


def writer_class() -> Any:
    """
    Raises:
        UserError: the `tensorboard` extra is not installed.
    """
    try:
        from tensorboardX import SummaryWriter
    except ImportError:
        raise UserError("tensorboard needs its extra: pip install 'erbp-jax[tensorboard]'") from None
    return SummaryWriter


def csv_log(path: Path | str) -> Callable[[dict[str, Any], Any], None]:
    """A callback that writes every number of an epoch's metrics as a line of a CSV file, with a head. An existing file
    is gone on with; lines of epochs that come again, after a training was resumed, are replaced."""
    path = Path(path)

    def write(metrics: dict[str, Any], learner: Any) -> None:
        del learner
        row = {"epoch": metrics["epoch"], **dict(numbers(metrics))}
        before: list[dict[str, Any]] = []
        if path.exists():
            with path.open(newline="") as stream:
                before = [line for line in csv.DictReader(stream) if int(line["epoch"]) < row["epoch"]]
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, row, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows([*before, row])
        write_text(path, text.getvalue())

    return write


def numbers(metrics: dict[str, Any], prefix: str = "") -> list[tuple[str, float]]:
    """Every number of an epoch's metrics, by name; those of lists by place."""
    found: list[tuple[str, float]] = []
    for key, value in metrics.items():
        if key in ("epoch", "per_seed"):
            continue
        if isinstance(value, dict):
            found += numbers(value, f"{prefix}{key}/")
        elif isinstance(value, list):
            found += numbers({str(i): x for i, x in enumerate(value)}, f"{prefix}{key}/")
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            found.append((prefix + key, float(value)))
    return found
