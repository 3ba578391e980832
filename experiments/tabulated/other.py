"""Tables that are not of test errors by network: the short one of the README, alignment, rules, NSAT, tricks."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

import tricks as experiment
from tabulated import runs
from tabulated.markdown import number, table
from tabulated.networks import LOOKED, Row, talk
from tabulated.runs import RESULTS, value

TALKS = {"conv_mnist": "784-8c5s2-16c5s2-100-10"}


@dataclass(frozen=True)
class Line:
    """A network in the README's table: where eRBP's runs are, and the folder that holds those of the other rules."""

    network: str
    erbp: str
    others: str | None

    def cells(self) -> list[str]:
        row = Row("eRBP", "", self.erbp)
        network = TALKS.get(str(self.others), self.network)
        if self.others is None:
            return [self.network, _cell(row), *[""] * 5]
        others = [_cell(Row(rule, "", f"{self.others}/{rule}")) for rule in ("perbp", "rbp", "bp")]
        return [self.network, _cell(row), number(talk(network, "erbp")), *others, number(talk(network, "bp"))]


def connected(network: str) -> Line:
    """The line of one of the talk's fully connected networks: eRBP's sparse recipe read by currents, over 80 ticks
    where that was run."""
    folder = f"pi_mnist/{network.replace('-', '_')}"
    return Line(network, runs.of("long_test", network) or runs.of("currents", network) or f"{folder}/erbp", folder)


def _cell(row: Row) -> str:
    """Mean +- standard deviation, and the number of seeds."""
    spread = runs.spread(row.errors)
    digits = 1 if row.found[0].summary["test_size"] <= 100 else 2
    within = "" if spread is None else f" +- {spread:.{digits}f}"
    return f"{row.mean:.{digits}f}{within} ({len(row.errors)})"


def headline(lines: Sequence[Line]) -> str:
    """Networks by rules: test error in percent, +- over seeds, the number of seeds, the talk's figures."""
    header = ("network", "eRBP", "talk: eRBP", "peRBP", "RBP (rate)", "BP (rate)", "talk: BP")
    return table(header, (line.cells() for line in lines))


def sparse() -> str:
    """Sparse recipes beside dense ones: hidden rates, and tests with fewer ticks."""
    header = ("network", "recipe", "error, %", "seeds", "ticks", "hidden 1, Hz", "hidden 2, Hz", "SynOps", "epochs")
    lines = []
    for folder in sorted((RESULTS / "currents").iterdir()):
        network, name = folder.name, folder.name.replace("_", "-")
        patterns = (
            ("dense, counts", f"pi_mnist/{network}/erbp" if runs.of("pi_mnist", name) else ""),
            ("sparse, counts", runs.of("sparse", name)),
            ("sparse, currents", runs.of("currents", name)),
            ("sparse, currents, long test", runs.of("long_test", name)),
        )
        for recipe, pattern in patterns:
            if not pattern:
                continue
            row = Row("eRBP", recipe, pattern)
            hidden = np.mean([run.metrics[-1]["rates_hz"][1:-1] for run in row.found], axis=0)
            synops = np.mean([run.summary["synops_per_sample"] for run in row.found])
            rates = [*(f"{rate:.0f}" for rate in hidden), ""][:2]
            ticks, seeds = str(row.found[0].test_ticks), str(len(row.errors))
            lines.append([name, recipe, number(row.mean), seeds, ticks, *rates, f"{synops:,.0f}", "last 5"])
    return table(header, lines)


def paper(rows: Sequence[Row]) -> str:
    """The paper's parameters: the error after every epoch, or after some of a long run, and the commands."""
    header = ("", "rule", "recipe", "tick, ms", "presentations", "test error, %", "test digits", "notes")
    lines, commands = [], []
    for place, row in enumerate(rows, 1):
        for run in row.found:
            commands += [f"# {place}: docs/results/{run.folder}, commit {run.commit}", run.command]
            tick, tested = f"{run.config['encoding']['dt']:g}", f"{run.summary['test_size']:,}"
            last = len(run.metrics)
            for number_of, epoch in enumerate(run.metrics, 1):
                if last > 5 and number_of & (number_of - 1) and number_of != last:
                    continue  # of a long run the epochs 1, 2, 4, 8 ... and the last
                shown = [tick, f"{epoch['samples']:,}", number(epoch["test_error"]), tested]
                lines.append([str(place), row.rule, row.recipe, *shown, "one seed; after this epoch"])
            if last > 5:
                shown = [tick, f"{run.metrics[-1]['samples']:,}", number(row.mean), tested]
                lines.append([str(place), row.rule, row.recipe, *shown, "one seed; last 5 epochs"])
    return "\n".join([table(header, lines), "", "```bash", *commands, "```"])


def alignment() -> str:
    """Angles between what a rule does and the gradient, after the first and the last epoch."""
    header = ("network", "rule", "angle", "layer", "first epoch", "last epoch", "seeds")
    lines = []
    for network in ("784_100_10", "784_200_10", "784_500_10", "784_200_200_10", "784_500_500_10"):
        for rule, name in (("erbp", "eRBP"), ("rbp", "RBP (rate)")):
            run = runs.read(f"pi_mnist/{network}/{rule}")
            first, last = (run.metrics[i]["alignment"] for i in (0, -1))
            for key in ("feedback", "update"):
                for layer, (start, end) in enumerate(zip(first[key], last[key], strict=True), 1):
                    place = "output" if layer > len(first["feedback"]) else f"hidden {layer}"
                    angles = [number(start, ".0f"), number(end, ".0f"), str(run.seeds)]
                    lines.append([network.replace("_", "-"), name, key, place, *angles])
    return table(header, lines)


def rows() -> str:
    """Digits shown row by row."""
    header = ("data", "rule", "network", "learning rate", "test error, %", "+-", "seeds", "epochs")
    lines = []
    for data, rule in (("digits", "BP"), ("digits", "eRBP"), ("mnist", "BP"), ("mnist", "eRBP")):
        kept = value(f"rows/{data}_{rule}.json")
        for row in kept["table"]:
            errors = row["test_error_per_seed"]
            figures = [
                number(float(np.mean(errors))),
                number(runs.spread(errors)),
                str(len(errors)),
                str(kept["epochs"]),
            ]
            name = "8 x 8 digits" if data == "digits" else "MNIST"
            lines.append([name, rule, row["network"], f"{row['learning_rate']:g}", *figures])
    return table(header, lines)


def regression() -> str:
    """Two curves at once."""
    header = ("rule", "normalised squared error", "+-", "seeds", "epochs")
    kept = value("curves/regression.json")
    lines = []
    for rule, row in kept["rules"].items():
        errors = row["per_seed"]
        figures = [number(float(np.mean(errors)), ".3f"), number(runs.spread(errors), ".3f"), str(len(errors))]
        lines.append([rule, *figures, str(kept["epochs"])])
    return table(header, lines)


def bandit() -> str:
    """Reward: the worth of what was chosen, by seed."""
    kept = value("bandit/bandit.json")
    shares = kept["share_of_best_per_seed"]
    header = ("rule", "worth of the chosen arms, % of the best", "+-", "least", "seeds", "trials")
    percent = [100 * share for share in shares]
    figures = [number(float(np.mean(percent)), ".1f"), number(runs.spread(percent), ".1f"), number(min(percent), ".1f")]
    return table(header, [["MSTDPET", *figures, str(len(shares)), f"{kept['trials']:,}"]])


def local_classifiers() -> str:
    """The convolutional network without spikes, its maps trained by local classifiers."""
    header = ("the maps learn from", "images", "test error, %", "seed")
    names = {
        "output": "the output (BP)",
        "learned": "1 trained readout",
        "1": "1 fixed readout",
        "4": "4 fixed readouts",
    }
    lines = []
    for folder, images in (("digits", "as they are"), ("moved_digits", "shifted by up to a pixel")):
        for key, errors in value(f"local_classifiers/{folder}/summary.json", "test_error_per_seed").items():
            lines += [[names[key], images, number(error), str(seed)] for seed, error in enumerate(errors)]
    for key, errors in value("local_classifiers/two_seeds/summary.json", "test_error_per_seed").items():
        lines += [[names[key], "as they are", number(error), str(s)] for s, error in enumerate(errors) if s > 0]
    return table(header, lines)


def rules() -> str:
    """Three-factor rules beside what was published."""
    header = ("experiment", "quantity", "measured", "published", "untrained", "seeds")
    temporal, rate = "rules/florian_xor_temporal/summary.json", "rules/florian_xor_rate"
    xor = {
        "temporal code, MSTDP": (temporal, "temporal_mstdp", value(temporal, "seeds")),
        "temporal code, MSTDPET": (temporal, "temporal_mstdpet", value(temporal, "seeds")),
        "rate code, MSTDP": (f"{rate}/summary.json", "rate_mstdp", None),
        "rate code, MSTDPET": (f"{rate}_mstdpet/summary.json", "rate_mstdpet", None),
    }
    lines = []
    for name, (file, key, seeds) in xor.items():
        row = value(file, key)
        shares = [number(row[k], ".1f") for k in ("success_percent", "published_percent", "frozen_success_percent")]
        lines.append(["florian_xor", f"{name}: seeds solved, %", *shares, str(seeds or row["seeds"])])
    gated, senn = "rules/membrane_gated/summary.json", "rules/urbanczik_senn/summary.json"
    seeds, ten = str(value(gated, "seeds")), str(value(gated, "patterns", "seeds"))
    falls, twenty = number(value(senn, "falls_by_mean")), str(value(senn, "seeds"))
    selective = number(value(gated, "coincidence", "selective_last_quarter", "mean"), ".3f")
    gap = number(value(gated, "coincidence", "weight_gap", "mean"), ".0f")
    split = str(value(gated, "patterns", "seeds_where_each_block_answers_one_pattern"))
    clopath = number(value("rules/clopath/summary.json", "post_before_pre_turns_at_hz"), ".1f")
    distance = value("rules/ecd_sampling/summary.json", "largest_distance_to_sigmoid")
    eight = str(value("rules/ecd_sampling/summary.json", "seeds"))
    kinds = ("stochastic", "integrate_and_fire_published_fit", "integrate_and_fire_own_fit")
    stochastic, published, ours = (number(distance[kind], ".4f") for kind in kinds)
    lines += [
        ["membrane_gated", "share of selective spikes", selective, "", "", seeds],
        ["membrane_gated", "weight gap, of 255", gap, "", "", seeds],
        ["membrane_gated", "seeds where each block takes one pattern", split, "", "", ten],
        ["urbanczik_senn", "prediction error falls by", falls, "", "", twenty],
        ["clopath", "post before pre turns at, Hz", clopath, "", "", ""],
        ["ecd_sampling", "distance to a sigmoid, stochastic neuron", stochastic, "", "", eight],
        ["ecd_sampling", "the same, LIF, published fit", published, "", "", eight],
        ["ecd_sampling", "the same, LIF, our fit", ours, "", "", eight],
    ]  # fmt: skip
    return table(header, lines)


def ecd() -> str:
    """Event-driven contrastive divergence on MNIST."""
    header = (
        *("noise in", "digits shown", "batch", "eta", "weight decay", "recognised, %", "tested on"),
        *("Hz before", "after", "notes", "run"),
    )
    lines = []
    for name in ("ecd_mnist", "ecd_mnist_decay", "ecd_mnist_long", "ecd_mnist_synapses"):
        row = value(f"rules/{name}/summary.json")
        settings = [f"{row['samples']:,}", str(row["batch"]), f"{row['eta']:g}", f"{row.get('weight_decay', 0):g}"]
        rates = [number(row[f"hidden_hz_{when}"]["data"], ".0f") for when in ("before", "after")]
        tested = f"{row['test_digits']:,}"
        figures = [number(row["test_accuracy_percent"]), tested, *rates]
        lines.append([row["noise"], *settings, *figures, f"one seed; {LOOKED}", name])
    return table(header, lines)


def nsat() -> str:
    """eRBP inside the fixed-point machine, a row per epoch."""
    header = (
        "digits per epoch",
        "rate",
        "epoch",
        "test error, %",
        "error spikes per digit",
        "least weight",
        "largest",
        "notes",
    )
    lines = []
    for folder, rate, note in (
        ("nsat_erbp", "halved after 4 and 6", f"one seed; {LOOKED}"),
        ("nsat_erbp_constant_rate", "constant", "one seed"),
        ("nsat_erbp_full", "constant", "one seed"),
    ):
        size = f"{value(f'{folder}/summary.json', 'options', 'train_size'):,}"
        for epoch in value(f"{folder}/summary.json", "epochs"):
            figures = [number(epoch["test_error"]), number(epoch["error_spikes"], ".0f")]
            lines.append([size, rate, str(epoch["epoch"]), *figures, *map(str, epoch["weights"]), note])
    return table(header, lines)


def mlp_twin() -> str:
    """A multi-layer perceptron on the thousands of the test set."""
    thousands = value("mlp_twin/summary.json", "thousand_by_thousand")
    lines = [[f"{1000 * i:,} to {1000 * i + 999:,}", number(error, ".1f"), "3"] for i, error in enumerate(thousands)]
    every = value("mlp_twin/summary.json", "all_test_digits")
    lines += [[f"all, seed {seed}", number(error), "1"] for seed, error in enumerate(every)]
    return table(("test digits", "error, %", "seeds"), lines)


def tricks(network: str) -> str:
    """Tricks of deep learning: every row of `docs/results/tricks` in that network, beside the plain rule."""
    folder = RESULTS / "tricks" / network
    files = {name: folder / f"{experiment.file_name(name)}.json" for name in experiment.ROWS}
    found = {name: json.loads(path.read_text()) for name, path in files.items() if path.exists()}
    return experiment.table(found, experiment.SETTINGS[network])
