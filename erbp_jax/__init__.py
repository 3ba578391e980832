"""Spiking networks that learn online with local rules: event-driven random back-propagation in JAX.

What a notebook needs, in one place::

    import jax, erbp_jax as ej
    network = ej.sequential(ej.Dense(784, 100), ej.LIF(), ej.Dense(100, 10), ej.LIF())
    rule = ej.ERBP(ej.LabelNeurons(10))
    params, rule_params = network.init(jax.random.key(0)), rule.init(network, jax.random.key(1))

Names are imported when they are used, so that the command line answers before JAX is loaded.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from erbp_jax import data as data
    from erbp_jax import nnx as nnx
    from erbp_jax.api.diagnose import diagnose
    from erbp_jax.api.files import load, save
    from erbp_jax.api.fit import fit
    from erbp_jax.api.logging import tensorboard
    from erbp_jax.api.model import Model
    from erbp_jax.api.recording import Recording, record
    from erbp_jax.api.runs import open_run
    from erbp_jax.api.sweeping import SweepTable, sweep
    from erbp_jax.chain import mlp, sequential
    from erbp_jax.connections import (
        BlankOut,
        Conv2d,
        Delayed,
        Delays,
        Dense,
        Pool2d,
        Reliable,
        SharedBlankOut,
        Sparse,
        SynapseList,
    )
    from erbp_jax.data import Dataset, dataset
    from erbp_jax.data.events import Augment, Bins, Events, from_recordings, from_structured
    from erbp_jax.encoding import (
        Analog,
        Curves,
        Encoder,
        ExponentialEscape,
        Frames,
        LabelNeurons,
        Poisson,
        Regular,
        TickEncoder,
    )
    from erbp_jax.errors import NonFiniteError, UserError
    from erbp_jax.learning import (
        ERBP,
        BackProp,
        Boxcar,
        CrossEntropy,
        CurveError,
        Direct,
        Layerwise,
        LearnedReadout,
        LocalReadout,
        RandomFeedback,
        SquaredError,
        Symmetric,
    )
    from erbp_jax.learning.base import Block, Given
    from erbp_jax.learning.local import LocalRule, Step
    from erbp_jax.learning.local_rule import local_rule
    from erbp_jax.learning.three_factor import (
        ClassReward,
        Clopath,
        GivenReward,
        SpikeReward,
        ThreeFactor,
        TrialReward,
        dendritic_prediction,
        membrane_gated,
        mstdp,
        mstdpet,
        pair_stdp,
        stdp,
        urbanczik_senn,
    )
    from erbp_jax.network import Network
    from erbp_jax.neurons import (
        LIF,
        Dendrite,
        ErrorNeurons,
        Firing,
        GaussianNoise,
        MembraneNorm,
        ParametricLIF,
        PoissonKicks,
        Surrogate,
        SynapticScaling,
        TargetRate,
    )
    from erbp_jax.params import Params
    from erbp_jax.projection import Population, Projection
    from erbp_jax.registry import register
    from erbp_jax.simulate import count, run
    from erbp_jax.tasks import Choice, Classification, Measure, Regression
    from erbp_jax.training.learn import Learning, learn, start
    from erbp_jax.training.transforms import keep_within
    from erbp_jax.units import Hertz, Ms, PerMs, Rate, Ticks, Time

_HOME = {
    "api.diagnose": ("diagnose",),
    "api.files": ("load", "save"),
    "api.fit": ("fit",),
    "api.logging": ("tensorboard",),
    "api.model": ("Model",),
    "api.recording": ("Recording", "record"),
    "api.runs": ("open_run",),
    "api.sweeping": ("SweepTable", "sweep"),
    "chain": ("mlp", "sequential"),
    "connections": (
        "BlankOut",
        "Conv2d",
        "Delayed",
        "Delays",
        "Dense",
        "Pool2d",
        "Reliable",
        "SharedBlankOut",
        "Sparse",
        "SynapseList",
    ),
    "data": ("Dataset", "dataset"),
    "data.events": ("Augment", "Bins", "Events", "from_recordings", "from_structured"),
    "encoding": (
        "Analog",
        "Curves",
        "Encoder",
        "ExponentialEscape",
        "Frames",
        "LabelNeurons",
        "Poisson",
        "Regular",
        "TickEncoder",
    ),
    "errors": ("NonFiniteError", "UserError"),
    "learning": (
        "BackProp",
        "Boxcar",
        "CrossEntropy",
        "CurveError",
        "Direct",
        "ERBP",
        "Layerwise",
        "LearnedReadout",
        "LocalReadout",
        "RandomFeedback",
        "SquaredError",
        "Symmetric",
    ),
    "learning.base": ("Block", "Given"),
    "learning.local": ("LocalRule", "Step"),
    "learning.local_rule": ("local_rule",),
    "learning.three_factor": (
        "ClassReward",
        "Clopath",
        "GivenReward",
        "SpikeReward",
        "ThreeFactor",
        "TrialReward",
        "dendritic_prediction",
        "membrane_gated",
        "mstdp",
        "mstdpet",
        "pair_stdp",
        "stdp",
        "urbanczik_senn",
    ),
    "network": ("Network",),
    "neurons": (
        "Dendrite",
        "ErrorNeurons",
        "Firing",
        "GaussianNoise",
        "LIF",
        "MembraneNorm",
        "ParametricLIF",
        "PoissonKicks",
        "Surrogate",
        "SynapticScaling",
        "TargetRate",
    ),
    "params": ("Params",),
    "projection": ("Population", "Projection"),
    "registry": ("register",),
    "simulate": ("count", "run"),
    "tasks": ("Choice", "Classification", "Measure", "Regression"),
    "units": ("Hertz", "Ms", "PerMs", "Rate", "Ticks", "Time"),
    "training.learn": ("Learning", "learn", "start"),
    "training.transforms": ("keep_within",),
}
_MODULE_OF = {name: (module, name) for module, names in _HOME.items() for name in names}
_PACKAGES = (
    "connections",
    "data",
    "encoding",
    "learning",
    "neurons",
    "nir",
    "nnx",
    "nsat",
    "tasks",
    "trace",
    "training",
)

__all__ = [
    "ERBP",
    "LIF",
    "Analog",
    "Augment",
    "BackProp",
    "Bins",
    "BlankOut",
    "Block",
    "Boxcar",
    "Choice",
    "ClassReward",
    "Classification",
    "Clopath",
    "Conv2d",
    "CrossEntropy",
    "CurveError",
    "Curves",
    "Dataset",
    "Delayed",
    "Delays",
    "Dendrite",
    "Dense",
    "Direct",
    "Encoder",
    "ErrorNeurons",
    "Events",
    "ExponentialEscape",
    "Firing",
    "Frames",
    "GaussianNoise",
    "Given",
    "GivenReward",
    "Hertz",
    "LabelNeurons",
    "Layerwise",
    "LearnedReadout",
    "Learning",
    "LocalReadout",
    "LocalRule",
    "Measure",
    "MembraneNorm",
    "Model",
    "Ms",
    "Network",
    "NonFiniteError",
    "ParametricLIF",
    "Params",
    "PerMs",
    "Poisson",
    "PoissonKicks",
    "Pool2d",
    "Population",
    "Projection",
    "RandomFeedback",
    "Rate",
    "Recording",
    "Regression",
    "Regular",
    "Reliable",
    "SharedBlankOut",
    "Sparse",
    "SpikeReward",
    "SquaredError",
    "Step",
    "Surrogate",
    "SweepTable",
    "Symmetric",
    "SynapseList",
    "SynapticScaling",
    "TargetRate",
    "ThreeFactor",
    "TickEncoder",
    "Ticks",
    "Time",
    "TrialReward",
    "UserError",
    "count",
    "data",
    "dataset",
    "dendritic_prediction",
    "diagnose",
    "fit",
    "from_recordings",
    "from_structured",
    "keep_within",
    "learn",
    "load",
    "local_rule",
    "membrane_gated",
    "mlp",
    "mstdp",
    "mstdpet",
    "open_run",
    "pair_stdp",
    "record",
    "register",
    "run",
    "save",
    "sequential",
    "start",
    "stdp",
    "sweep",
    "tensorboard",
    "urbanczik_senn",
]


def __getattr__(name: str) -> object:
    if name in _PACKAGES:
        return importlib.import_module(f"erbp_jax.{name}")
    if name == "__version__":
        from importlib.metadata import version

        return version("erbp-jax")
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'erbp_jax' has no attribute {name!r}")
    module, attribute = _MODULE_OF[name]
    return getattr(importlib.import_module(f"erbp_jax.{module}"), attribute)


def __dir__() -> list[str]:
    return sorted(__all__)
