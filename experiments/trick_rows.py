"""The networks in which tricks are measured, and the tricks: what each changes in a config."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

CONFIGS = Path(__file__).parents[1] / "configs"


@dataclass(frozen=True)
class Setting:
    """A network and a rule in which rows are measured, and what is asked of them."""

    config: Path
    rule: str | None
    """The name under the config's rules."""
    layers: int
    """Hidden ones."""
    common: tuple[str, ...]
    epochs: int
    goals: tuple[float, float, float]
    """Errors in percent; ratios are taken at the first."""
    seeds: int = 5
    sgd: float = 1.0
    """What rates of SGD are multiplied with: a gradient is a mean over samples, eRBP's update a sum of whole events."""
    tricks: int = 2
    """Rows without plain and controls that are planned: p-values are corrected for so many."""
    penalty: str | None = "0.3"
    """Activity regularisation, where a row has it; None for rules that know none."""
    rows: tuple[str, ...] = ()
    """Those that are planned, where not all are."""
    transmitted: float = 0.8
    """The chance of a spike to cross a synapse of the input, where a row has blank-out."""
    first_seed: int = 0
    """Of the runs."""
    searched: str | None = None
    """Where rates and settings were found before, in `docs/results/tricks`; None searches for them."""


COMMON = (
    *("training.alignment=false", "training.update_every=5", "encoding.test_steps=20"),
    *("optimizer.schedule=constant", "optimizer.average=0.3"),
)
DENSE = CONFIGS / "pi_mnist" / "784_200_200_10.yaml"
HELD_OUT = (*COMMON, "data.validation_size=10000", "task=null", "optimizer.tricks=[]")
PENALISED = (*HELD_OUT, "rule.gate=[-2.5,2.5]", "rule.rate_penalty=[0.3,0.3]")
SPIKING = (
    *(*HELD_OUT, "rule.form=spiking", "rule.surrogate={kind: fast_sigmoid}", "encoding.steps=20"),
    *("optimizer.kind=sgd", "optimizer.weight_decay=0", "training.update_every=20"),
)
BEST = ("plain", "write threshold", "write threshold and blank-out")
"""The plain rule, the best trick and the best combination."""
LATER = "write threshold of 0.03"
SHORT = 0.8125
"""A convolution draws a random word for every binary digit: four for 13/16, sixteen for 0.8."""
SETTINGS = {
    "dense": Setting(DENSE, "erbp", 2, PENALISED, 6, (3.0, 2.3, 2.0), tricks=19),
    "confirm": Setting(
        DENSE, "erbp", 2, PENALISED, 4, (3.0, 2.3, 2.0),
        seeds=16, tricks=3, first_seed=100, searched="dense",
        rows=("plain", "control: other draws", "write threshold", LATER, "blank-out of the input", BEST[2]),
    ),
    "convolutional": Setting(
        CONFIGS / "conv_mnist" / "small.yaml", None, 1,
        (*COMMON, "data.train_size=15000", "data.validation_size=5000"), 4, (10.0, 7.0, 6.0),
        tricks=19, transmitted=SHORT,
    ),
    "talk": Setting(
        CONFIGS / "conv_mnist" / "talk.yaml", "erbp", 3, HELD_OUT, 8, (3.0, 2.3, 2.0), seeds=3, penalty="[0,0,0.3]",
        rows=BEST, transmitted=SHORT,
    ),
    "rbp": Setting(DENSE, "rbp", 2, SPIKING, 8, (3.0, 2.3, 2.0), seeds=3, sgd=1e3, penalty=None, rows=BEST),
    "bp": Setting(DENSE, "bp", 2, SPIKING, 8, (3.0, 2.3, 2.0), seeds=3, sgd=1e3, penalty=None, rows=BEST),
}  # fmt: skip


class Rates(NamedTuple):
    """Where learning rates are drawn from."""

    low: float
    high: float
    units: bool = True
    """Whether updates come in units of the rule; otherwise they have size one."""


SGD = Rates(1e-4, 1e-2)


@dataclass(frozen=True)
class Row:
    """A trick: overrides of the config, further settings that trials take in turn, and the range of the rate."""

    about: str
    overrides: tuple[str, ...] = ()
    knobs: tuple[tuple[str, ...], ...] = ((),)
    rates: Rates = SGD
    words: str = "0"
    """Of the trick's own state, a synapse (s) or a neuron (n); averaged weights are one a synapse more, in all rows."""
    search: int = 0
    """Which stream of trials; rows of one stream try the same rates."""
    after: str | None = None
    """The row whose rate it has, for one that was asked for after that row's runs: without trials, and no p-value."""

    def between(self, setting: Setting) -> tuple[float, float]:
        """Where the rate is sought in that network."""
        scale = setting.sgd if self.rates.units else 1.0
        return self.rates.low * scale, self.rates.high * scale

    def of(self, setting: Setting, settings: Sequence[str] = ()) -> list[str]:
        """The overrides in that network, settings of a trial among them."""
        p = [setting.transmitted] + [1.0] * setting.layers
        named = [o.replace("BY_LAYER", str(p)) for o in (*setting.common, *self.overrides, *settings)]
        if setting.penalty is None:
            return [o for o in named if not o.startswith("rule.rate_penalty")]
        return [o.replace("REGULARISED", setting.penalty) for o in named]


def trick(*kinds: str) -> str:
    """The override that names tricks, each as YAML."""
    return f"optimizer.tricks=[{', '.join(kinds)}]"


ONE = Rates(1e-4, 1e-2, units=False)
PENALTY = "rule.rate_penalty=REGULARISED"
"""Filled in by network."""
PLAIN = ((PENALTY,), ("rule.rate_penalty=0",))
"""What trials of the plain rule and of its controls take in turn."""
BLANK_OUT = "network.transmission={kind: blank_out, p: BY_LAYER}"
"""Of the input's synapses; the probabilities of all layers are filled in."""
ROWS: dict[str, Row] = {
    "plain": Row("eRBP with averaged weights", knobs=PLAIN),
    "no average": Row("weights as they are (T16 left out)", ("optimizer.average=null",)),
    "factored moments": Row(
        "row and column of Adam's second moments (T8)", (trick("{kind: factored_moments}"),), rates=ONE, words="2 n"
    ),
    "shifts": Row("the same by shifts (T9)", (trick("{kind: shifts}"),), rates=ONE, words="2 n"),
    "neuron rms": Row("one rate per neuron (T10)", (trick("{kind: neuron_rms}"),), rates=ONE, words="1 n"),
    "normalised step": Row(
        "step over what the inputs sent (T10)", (trick("{kind: normalised_step}"),), rates=Rates(1e-3, 1e-1), words="0"
    ),
    "sign": Row("the update's sign (T9)", (trick("{kind: sign}"),), rates=ONE),
    "momentum": Row(
        "momentum (T7)",
        knobs=(("optimizer.momentum=0.5",), ("optimizer.momentum=0.9",)),
        rates=Rates(2e-5, 5e-3),
        words="1 s",
    ),
    "adam": Row("Adam, all words", ("optimizer.kind=adam",), rates=ONE, words="2 s"),
    "max-norm": Row(
        "bounded incoming weights (T15)",
        knobs=((trick("{kind: max_norm, bound: 10}"),), (trick("{kind: max_norm, bound: 20}"),)),
        words="1 n",
    ),
    "weight decay": Row(
        "decoupled decay (T15)", knobs=(("optimizer.weight_decay=0.02",), ("optimizer.weight_decay=0.1",))
    ),
    "error-triggered": Row(
        "neurons write only where their error is large (T11)",
        knobs=(
            (trick("{kind: error_triggered, rate: 0.3, step: 1.0e-3}"),),
            (trick("{kind: error_triggered, rate: 0.6, step: 1.0e-3}"),),
        ),
        words="1 n",
    ),
    "write threshold": Row(
        "steps wait until they are worth a write",
        knobs=(
            (trick("{kind: write_threshold, threshold: 0.01}"),),
            (trick("{kind: write_threshold, threshold: 0.03}"),),
        ),
        words="1 s",
    ),
    LATER: Row(
        "the same, worth three times as much",
        (),
        ((trick("{kind: write_threshold, threshold: 0.03}"),),),
        words="1 s",
        after="write threshold",
    ),
    "error-driven rate": Row("rate in proportion to the errors (T14)", (trick("{kind: errors}"),)),
    "label every other tick": Row("a smaller margin (T12)", ("rule.label_period=2",)),
    "blank-out of the input": Row("synapses of the input fail at random (T13)", (BLANK_OUT,)),
    "target rate": Row(
        "thresholds that seek 100 Hz (T5)",
        ("network.adaptation={kind: target_rate, rate: 100}", "rule.rate_penalty=0"),
        (("network.adaptation.step_size=1e-6",), ("network.adaptation.step_size=1e-5",)),
        words="1 n",
    ),
    "synaptic scaling": Row(
        "gains that seek 100 Hz (T4)",
        ("network.adaptation={kind: synaptic_scaling, rate: 100}", "rule.rate_penalty=0"),
        (("network.adaptation.step_size=1e-6",), ("network.adaptation.step_size=1e-5",)),
        words="1 n",
    ),
    "membrane norm": Row("input of one mean and size (T1)", ("network.adaptation.kind=membrane_norm",), words="2 n"),
    "write threshold and blank-out": Row(
        "the two best together",
        (BLANK_OUT,),
        (
            (trick("{kind: write_threshold, threshold: 0.01}"),),
            (trick("{kind: write_threshold, threshold: 0.03}"),),
        ),
        words="1 s",
    ),
    "control: other draws": Row("jitter of a code without timing (T17)", knobs=PLAIN),
    "control: identity": Row(
        "a write threshold of 0", (trick("{kind: write_threshold, threshold: 0}"),), PLAIN, words="1 s"
    ),
    "control: searched anew": Row("plain, other trials", knobs=PLAIN, search=1),
}
