"""What the commands that train share: a session, a training to its end, and what to tell whoever stops it."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from erbp_jax.errors import StoppedError, UserError
from erbp_jax.wording import plural

if TYPE_CHECKING:
    from erbp_jax.config import Config
    from erbp_jax.training.engine import Learner
    from erbp_jax.training.session import Session


def new_session(config: "Config") -> "Session":
    """A session with the compilation cache on: a second run of the same config starts at once."""
    from erbp_jax.cache import compilation_cache
    from erbp_jax.training.session import Session

    compilation_cache()
    session = Session(config)
    experiment, ticks = session.experiment, session.data.ticks
    if ticks is not None and ticks > (shown := max(experiment.steps, experiment.test_steps)):
        every = experiment.update_every
        whole = f"encoding.steps={ticks} shows all"
        if ticks % every:
            whole = f"encoding.steps={ticks - ticks % every} shows most, {whole} with training.update_every=1"
        print(
            f"warning: encoding.steps: {plural(shown, 'tick')} of the {ticks} of {session.data.called} are shown; "
            f"{whole}",
            file=sys.stderr,
        )
    return session


@contextmanager
def resumable(folder: Path, again: str | None = None) -> Iterator[None]:
    """Add to any interruption how to resume: by the command `again`, or else by `erbp-jax resume FOLDER`."""
    command = again or f"erbp-jax resume {shlex.quote(str(folder))}"
    try:
        yield
    except KeyboardInterrupt:
        raise StoppedError(f"go on with: {command}") from None
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        error.add_note(f"what was saved before stands; go on with: {command}")
        raise


DEFAULT = "default"
"""Name of a run folder if no config is given."""
LOGS = {"tensorboard": "tensorboard", "csv": "metrics.csv"}
"""What they write in a run folder."""


def config_or_default(config: Path, overrides: list[str] | None) -> tuple[Path, list[str]]:
    """The config and the overrides of a command line whose first word may be an override: then the config is the
    demo's recipe."""
    given = list(overrides or [])
    if config == Path() or ("=" in str(config) and not config.exists()):
        return Path(DEFAULT), ([] if config == Path() else [str(config)]) + given
    return named_config(config), given


def named_config(config: Path) -> Path:
    """The file, or, if it does not exist, the packaged config of this name, with a notice."""
    from erbp_jax.config.shipped import shipped

    found = shipped(config)
    if found is None:
        return config
    print(f"config: {config} is not in this folder; the one that comes with erbp_jax is used: {found}")
    return found


def check_log(log: str | None) -> None:
    """
    Raises:
        UserError: a log that is not known, or whose extra is not installed.
    """
    if log is not None and log not in LOGS:
        raise UserError(f"--log: unknown: {log!r}; known: {', '.join(LOGS)}")
    if log == "tensorboard":
        from erbp_jax.api.logging import writer_class

        writer_class()


def log_of(folder: Path) -> str | None:
    """The log that a run was begun with, as its folder has it."""
    return next((log for log, name in LOGS.items() if (folder / name).exists()), None)


def train_to_the_end(session: "Session", folder: Path, label: str = "training", log: str | None = None) -> str:
    """Train in a run folder that is locked, draw, and mark it as finished; returns what to tell the user at the end."""
    from erbp_jax.api.logging import csv_log, tensorboard
    from erbp_jax.tasks.base import number
    from erbp_jax.training.fit import complete, fit

    logs = {"tensorboard": tensorboard, "csv": csv_log}
    learner = fit(session, folder, label=label, on_epoch=None if log is None else logs[log](folder / LOGS[log]))
    pictures, drawn = _draw(session, learner, folder)
    summary = complete(session, learner, folder, pictures)
    measure = session.experiment.task.measures[0]
    mean, spread = (summary[f"test_{measure.name}_mean_last5{part}"] for part in ("", "_std"))
    value = f"{mean:.2f}" if measure.counted else number(mean, measure)
    if spread is not None:
        value += f" +- {spread:.2f}" if measure.counted else f" +- {spread:.2g}"
    seeds = "" if spread is None else f" over {plural(summary['seeds'], 'seed')}"
    averaged = f"mean of the last {plural(last, 'epoch')}" if (last := min(5, summary["epochs"])) > 1 else "one epoch"
    return (
        f"{summary['test_name']} {measure.name} {value}{measure.unit}{seeds} ({averaged}), "
        f"{summary['samples_per_second']:,.0f} samples/s, compiled in {summary['compile_seconds']:.1f} s\n"
        f"summary: {folder / 'summary.json'}; pictures: {drawn}"
    )


def _draw(session: "Session", learner: "Learner", folder: Path) -> tuple[list[str], str]:
    """Names of the pictures, and what to tell of them; what cannot be drawn fails nothing else."""
    try:
        from erbp_jax.viz.run import draw_run

        names = [p.name for p in draw_run(session, learner, folder)]
        return names, ", ".join(names)
    except UserError as error:  # matplotlib is an extra
        return [], f"none: {error}"
    except OSError:  # of the disk: the run goes on from here when that is mended
        raise
    except Exception as error:
        return [], f"not all could be drawn: {type(error).__name__}: {error}"


def devices() -> list[str]:
    """The devices of this process."""
    import jax

    return [f"{d.platform}:{d.device_kind}" for d in jax.devices()]


def command() -> list[str]:
    """The command line of this process, quoted for a shell."""
    program = Path(sys.argv[0])
    ours = program.name in ("erbp-jax", "__main__.py", "-c")
    return [*(["erbp-jax"] if ours else ["python", shlex.quote(str(program))]), *map(shlex.quote, sys.argv[1:])]
