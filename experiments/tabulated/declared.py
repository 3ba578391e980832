"""What every table of results shows. To add a run: a `Row` in the table of its network.

A row names the folders of its runs below `docs/results` (a pattern; several folders are seeds of one recipe). What the
runs tell by themselves - seeds, epochs, ticks, commit, learned feedback, held-out digits - is read from them.
"""

from collections.abc import Callable, Mapping
from functools import cache

from tabulated import cost, other, runs
from tabulated.networks import LOOKED, Row, errors, talk, with_the_rest

RBP_NOTE = (LOOKED,)
OLD_PERBP = ("earlier recipe",)


def _pi(network: str) -> tuple[Row, ...]:
    """The rows of one of the talk's fully connected networks: its sparse runs, and those of the talk's table."""
    folder = f"pi_mnist/{network.replace('-', '_')}"
    recipes = (
        ("sparse, currents, long test", runs.of("long_test", network), (LOOKED,)),
        ("sparse, currents", runs.of("currents", network), (LOOKED,)),  # changed after test errors had been seen
        ("sparse, counts", runs.of("sparse", network), ()),
    )
    return (
        *(
            Row("eRBP", name, folders, notes=notes, talk=talk(network, "erbp"))
            for name, folders, notes in recipes
            if folders
        ),
        Row("eRBP", "dense", f"{folder}/erbp", talk=talk(network, "erbp")),
        Row(
            *("peRBP", "blank-out 7/8", f"{folder}/perbp"),
            notes=OLD_PERBP if network == "784-100-10" else (),
            talk=talk(network, "perbp"),
        ),
        Row("RBP (rate)", "Adam", f"{folder}/rbp", notes=RBP_NOTE, talk=talk(network, "rbp")),
        Row("BP (rate)", "Adam", f"{folder}/bp", talk=talk(network, "bp")),
        Row("BP (spiking)", "through time", f"{folder}/bp_spiking"),
    )


SHIFTED = ("random shift",)
CONNECTED = ("784-100-10", "784-200-10", "784-500-10", "784-200-200-10", "784-500-500-10")
CONV = "784-8c5s2-16c5s2-100-10"
NETWORKS: Mapping[tuple[str, str], tuple[Row, ...]] = {
    ("784-100-10", "mnist"): (
        *_pi("784-100-10"),
        Row("eRBP", "short", "erbp_784_100_10", talk=3.94),
        Row("eRBP", "short", "held_out_erbp_784_100_10"),
    ),
    ("784-200-10", "mnist"): (
        *_pi("784-200-10"),
        Row("eRBP", "sparse, currents, longer", "long_784_200_10", notes=(LOOKED,)),
        Row("eRBP", "tau_mem 4 ms", "memory_784_200_10"),
    ),
    ("784-500-10", "mnist"): _pi("784-500-10"),
    ("784-200-200-10", "mnist"): (
        *_pi("784-200-200-10"),
        Row("eRBP", "sparse, early", "anytime/run"),
        Row("eRBP", "quick", "quick_784_200_200_10/erbp"),
        Row("BP (rate)", "quick", "quick_784_200_200_10/bp"),
        Row("eRBP", "short", "erbp_784_200_200_10", talk=3.48),
        Row("peRBP", "short", "perbp_784_200_200_10"),
    ),
    ("784-500-500-10", "mnist"): _pi("784-500-500-10"),
    ("784-256-10", "mnist"): (Row("eRBP", "ten ticks", "currents/784_256_10", notes=(LOOKED,)),),
    (CONV, "mnist"): (
        Row("eRBP", "output errors", "conv_mnist/erbp", talk=talk(CONV, "rbp"), notes=("talk: RBP",)),
        Row("eRBP", "1 fixed", "conv_mnist_local/local_one_readout"),
        Row("eRBP", "4 fixed", "conv_mnist_local/local_four_readouts"),
        Row("eRBP", "learned", "conv_mnist_local/learned conv_mnist_local/learned_seed*"),
        Row("eRBP", "learned, currents", "conv_mnist_local/learned_currents"),
        Row("eRBP", "learned, currents, cosine", "conv_mnist_local/learned_cosine"),
        Row("peRBP", "blank-out 7/8", "conv_mnist/perbp", talk=talk(CONV, "perbp")),
        Row("RBP (rate)", "Adam", "conv_mnist/rbp", talk=talk(CONV, "rbp")),
        Row("BP (rate)", "Adam", "conv_mnist/bp", talk=talk(CONV, "bp")),
        Row("eRBP", "1 fixed, shifts", "conv_mnist_local/local_moved_digits", notes=SHIFTED),
        Row("eRBP", "4 fixed, shifts", "conv_mnist_local/local_four_readouts_moved_digits", notes=SHIFTED),
        Row("eRBP", "learned, shifts", "conv_mnist_local/learned_shifted", notes=SHIFTED),
        Row("BP (rate)", "shifts", "conv_mnist_local/bp_moved_digits", notes=SHIFTED),
        Row("eRBP", "output errors", "conv_mnist_local/output"),
        Row("eRBP", "1 fixed", "conv_mnist_local/local"),
        Row("eRBP", "1 fixed, slow maps", "conv_mnist_local/local_slow_maps"),
        Row("eRBP", "1 fixed", "conv_mnist_local/local_stopped", notes=("stopped by hand",)),
        Row("eRBP", "learned", "conv_mnist_local/learned_short"),
    ),
    ("784-8c5s2-16c5s2-500-10", "mnist"): (
        Row("eRBP", "no average", "conv_mnist_best/erbp"),
        Row("BP (rate)", "Adam", "conv_mnist_best/bp"),
    ),
    ("2312-512-10", "nmnist_small"): (
        Row("eRBP", "fully connected", "nmnist"),
        Row("BP (spiking)", "fully connected", "nmnist_bp"),
        Row("eRBP", "12 maps", "nmnist_maps", notes=("copies shifted by a pixel",)),
        Row("BP (spiking)", "12 maps", "nmnist_maps_bp", notes=("copies shifted by a pixel",)),
    ),
    ("512-100-10", "digits_saccades"): (
        Row("eRBP", "simulated camera", "saccades_erbp"),
        Row("BP (spiking)", "simulated camera", "saccades_bp"),
    ),
    ("64-100-10", "digits"): (
        Row("eRBP", "demo", "digits"),
        Row("eRBP", "one CubaLIF a neuron", "digits_cuba"),
    ),
}
"""A table per network; runs of the network that stand nowhere come below."""

PAPER = (
    Row("peRBP", "blank-out 0.65, published gate", "paper_perbp_784_100_10"),
    Row("peRBP", "blank-out 0.65, published gate", "paper_perbp_784_100_10_long"),
    Row("eRBP", "additive noise, wide gate", "paper_erbp_784_100_10"),
    Row("eRBP", "additive noise, wide gate", "paper_erbp_784_100_10_long"),
    Row("eRBP", "additive noise, wide gate", "paper_erbp_784_100_10_dt01"),
)
FEW_BITS = (
    cost.Pair("few_bits", "precision/8_bits", "precision/float"),
    cost.Pair("few_bits", "precision/seed_1_8_bits", "precision/seed_1_float"),
    cost.Pair("constant sums", "precision/constant_batch/8_bits", "precision/constant_batch/float"),
    cost.Pair("constant sums", "precision/constant_batch/seed_1_8_bits", "precision/constant_batch/seed_1_float"),
    *(cost.Pair("20 ticks", f"precision/twenty_ticks/{b}_bits", "precision/twenty_ticks/float") for b in (8, 7, 6, 5)),
    cost.Pair("short", "precision/short_8_bits", "precision/short_float", 2, ("last 2 epochs",)),
    cost.Pair("dense", "precision/full_recipe_8_bits", "pi_mnist/784_200_10/erbp", notes=("float: seed 0 of 3",)),
    cost.Pair("sparse", "precision/averaged_8_bits", "sparse/784_200_10", notes=("float: seeds 0 to 2 of 5",)),
    cost.Pair(
        "currents", "precision/currents_8_bits", "currents/784_200_10", notes=("float: seeds 0 to 2 of 5", LOOKED)
    ),
)
"""Weights of few bits while learning, each beside its run in floats."""

HEADLINE = (
    *(other.connected(network) for network in CONNECTED),
    other.Line("convolutional", "conv_mnist/erbp", "conv_mnist"),
    other.Line("convolutional, learned feedback", "conv_mnist_local/learned conv_mnist_local/learned_seed*", None),
    other.Line("N-MNIST small, 2312-512-10", "nmnist", None),
    other.Line("N-MNIST small, 12 maps, learned feedback", "nmnist_maps", None),
)


@cache
def declared() -> frozenset[str]:
    """The folders of runs that some table names."""
    rows = [row for table in NETWORKS.values() for row in table] + list(PAPER)
    patterns = [row.folders for row in rows] + [p for pair in FEW_BITS for p in (pair.few, pair.full)]
    return frozenset(folder for pattern in patterns for folder in runs.matching(pattern))


def _network(key: tuple[str, str]) -> Callable[[], str]:
    return lambda: errors(with_the_rest(*key, NETWORKS[key], declared()))


def _name(key: tuple[str, str]) -> str:
    short = {
        CONV: "conv",
        "784-8c5s2-16c5s2-500-10": "conv-500",
        "2312-512-10": "nmnist",
        "64-100-10": "digits",
        "512-100-10": "saccades",
    }
    return short.get(key[0], key[0])


TABLES: Mapping[str, Callable[[], str]] = {
    **{_name(key): _network(key) for key in NETWORKS},
    "headline": lambda: other.headline(HEADLINE),
    "paper": lambda: other.paper(PAPER),
    "sparse": other.sparse,
    "alignment": other.alignment,
    "rows": other.rows,
    "regression": other.regression,
    "bandit": other.bandit,
    "local-classifiers": other.local_classifiers,
    "rules": other.rules,
    "ecd": other.ecd,
    "nsat": other.nsat,
    "mlp-twin": other.mlp_twin,
    "tricks": lambda: other.tricks("dense"),
    "tricks-confirm": lambda: other.tricks("confirm"),
    "tricks-conv": lambda: other.tricks("convolutional"),
    "tricks-talk": lambda: other.tricks("talk"),
    "tricks-bp": lambda: other.tricks("bp"),
    "tricks-rbp": lambda: other.tricks("rbp"),
    "decisions": cost.decisions,
    "early": cost.early,
    "inference": cost.inference,
    "learning": cost.learning,
    "few-bits": lambda: cost.few_bits(FEW_BITS),
    "rounded": cost.rounded,
}
