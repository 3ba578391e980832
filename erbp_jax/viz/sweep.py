"""A sweep: the measure by learning rate."""

from typing import Any

import numpy as np

from erbp_jax.tasks import Measure
from erbp_jax.training.sweep import Sweep
from erbp_jax.viz.figure import ACCENT, INK, styled, subplots, ticker


@styled
def sweep_figure(cells: Sweep, measure: Measure, test_name: str = "test") -> Any:
    """The test measure at the end by learning rate: a point per seed, and their mean; what diverged is left out."""
    figure, axes = subplots(figsize=(5.0, 3.2))
    last = np.where(cells.diverged, np.nan, cells.test_error[..., -1])
    for seed in range(last.shape[1]):
        label = "one seed" if seed == 0 and last.shape[1] > 1 else None
        axes.plot(cells.learning_rates, last[:, seed], "s", color=INK, markersize=3, alpha=0.5, label=label)
    whole = ~cells.diverged.any(1)
    axes.plot(
        cells.learning_rates[whole], last[whole].mean(1), "o-", color=ACCENT, markersize=4, label="mean of the seeds"
    )
    axes.set_xscale("log")
    if len(cells.learning_rates) <= 8:  # the rates themselves; an axis of less than a decade would name none
        axes.set_xticks(cells.learning_rates, [f"{rate:g}" for rate in np.asarray(cells.learning_rates).tolist()])
        axes.xaxis.set_minor_locator(ticker().NullLocator())
    axes.set(xlabel="learning rate", ylabel=f"{test_name} {measure.name}{measure.unit and ' (%)'}")
    if cells.diverged.any():
        axes.set_title(f"{int(cells.diverged.sum())} of {cells.diverged.size} diverged", fontsize=9, loc="left")
    if whole.any():
        axes.legend(frameon=False)
    return figure
