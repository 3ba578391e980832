"""Test a trained run."""

from pathlib import Path
from typing import Any

from erbp_jax.errors import UserError
from erbp_jax.training import run_folder
from erbp_jax.training.checkpoint import Checkpoints, Place
from erbp_jax.training.engine import Learner
from erbp_jax.training.metrics import synops_per_sample
from erbp_jax.training.session import Session


def evaluate_run(session: Session, folder: Path) -> dict[str, Any]:
    """The last checkpoint of a run on the session's test set.

    The random numbers are those of the checkpoint's epoch, so that the config's own test set gives the error that
    the run's metrics have for it.
    """
    learner, place = restore(session, folder)
    session.compile(learner)
    result = session.test(learner, place.epoch)
    errors = 100.0 * result.wrong.mean(1)
    return {
        "epoch": place.epoch,
        "test_size": len(session.data.test_labels),
        "test_steps": session.experiment.test_steps,
        "test_error": float(errors.mean()),
        "test_error_std": float(errors.std(ddof=1)) if len(errors) > 1 else None,
        "test_error_per_seed": [float(e) for e in errors],
        "undecided": float(100.0 * result.undecided.mean()),
        "synops_per_sample": synops_per_sample(result),
    }


def restore(session: Session, folder: Path) -> tuple[Learner, Place]:
    """The last checkpoint of a run."""
    checkpoints = Checkpoints(folder / run_folder.CHECKPOINTS)
    restored = checkpoints.restore(session.start())
    checkpoints.close()
    return restored


def evaluate_further(
    session: Session, folder: Path, *, anytime: bool, energy: str, weight_bits: int | None, state_bits: int | None
) -> str:
    """Early decisions (`anytime.json`, a picture) and fewer bits (`quantized.json`); returns what to tell the user.

    With both, the early decisions are those of the network with fewer bits.

    Raises:
        UserError: bits out of range, no such energy model, or what a network of the run's kind cannot do.
    """
    from erbp_jax.training import anytime as early
    from erbp_jax.training import quantized

    model = early.energy_model(energy)
    for option, bits, lowest in (("--weight-bits", weight_bits, 2), ("--state-bits", state_bits, 8)):
        if bits is not None and not lowest <= bits <= 16:
            raise UserError(f"{option}: must be from {lowest} to 16, got {bits}")
    learner, place = restore(session, folder)
    params, told = learner.weights, []
    if weight_bits or state_bits:
        report: dict[str, Any] = {"weight_bits": weight_bits, "state_bits": state_bits}
        report["before"] = quantized.firing_report(session, session.experiment, params, place.epoch)
        if weight_bits:
            params, report["weight_steps"] = quantized.with_weight_bits(params, weight_bits)
        if state_bits:
            session.experiment = quantized.with_state_bits(session, state_bits)
        report["after"] = quantized.firing_report(session, session.experiment, params, place.epoch)
        run_folder.write_json(folder / "quantized.json", report)
        told += [quantized.table(report), f"bits: {folder / 'quantized.json'}"]
    if anytime:
        result = early.summary(session, early.recorded(session, params, place.epoch), place.epoch, model)
        run_folder.write_json(folder / "anytime.json", result)
        told.append(early.table(result))
        try:
            picture = f", {early.draw(result, folder / 'anytime.png')}"
        except UserError as error:  # matplotlib is an extra
            picture = f"; no picture: {error}"
        told.append(f"anytime: {folder / 'anytime.json'}{picture}")
    return "\n".join(told)
