"""What do rarer updates and larger batches cost in error, and what do they gain in speed?

Command: erbp-jax bench update_error [--train-size 10000]     (a few minutes on one CPU core; needs MNIST)

784-100-10 by eRBP, 60 ticks, two epochs of the first training digits, tested on 2,000 that are held out. First blocks
of 1, 5, 10 and 30 ticks between updates at batch 100, then batches of 1 to 1,000 with an update every 5 ticks. The
learning rate counts for a sample and stays as it is, so that a larger batch takes a larger step: an update is a sum.
"""

import argparse
from pathlib import Path

from harness import machine
from rich.console import Console
from rich.progress import track
from rich.table import Table

from erbp_jax.config import load_config
from erbp_jax.training.session import Session

CONFIG = Path(__file__).parents[1] / "configs" / "pi_mnist" / "erbp_784_100_10.yaml"
EPOCHS = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train-size", type=int, default=10_000)
    arguments = parser.parse_args()
    cases = [(k, 100) for k in (1, 5, 10, 30)] + [(5, b) for b in (1, 10, 1000)]
    table = Table("update every (ticks)", "batch", "samples/s", "test error (%), epoch 1", "epoch 2")
    for every, batch in track(cases, "training"):
        rate, errors = trained(every, batch, arguments.train_size)
        table.add_row(str(every), str(batch), f"{rate:,.0f}", *[f"{e:.2f}" for e in errors])
    Console(width=110).print(machine(), table)


def trained(every: int, batch: int, size: int) -> tuple[float, list[float]]:
    """Training samples/s, compiling apart, and the test error after every epoch."""
    changes = [
        f"training.update_every={every}", f"training.batch_size={batch}", f"training.epochs={EPOCHS}",
        f"data.train_size={size}", "data.validation_size=2000", "encoding.steps=60", "rule.burn_in=0",
        "training.alignment=false",
    ]  # fmt: skip
    session = Session(load_config(CONFIG, changes))
    learner, errors = session.start(), []
    session.compile(learner)
    for epoch in range(EPOCHS):
        learner = session.train(learner, epoch, 0, session.batches)
        errors.append(100.0 * float(session.test(learner, epoch).scores["error"].mean()))
    seconds = session.watch.seconds["train"]
    return EPOCHS * session.batches * batch / seconds, errors


if __name__ == "__main__":
    main()
