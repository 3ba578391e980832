"""The talk's table: permutation-invariant MNIST, five fully connected networks, every learning rule.

Command:   python experiments/pi_mnist_table.py
Resumable: the same command goes on where it was stopped; finished cells are not run again.
Hardware:  on a CPU three seeds for the networks of 100 and 200 units and one for the larger ones; five of all on a GPU.
Wall time: on two x86-64 cores about three hours without peRBP and as long again for it (--rules leaves it out).
Expected:  test errors at or below the talk's RBP column for the better of eRBP and peRBP, at or below its own columns
           for RBP and BP
           (docs/results.md has what was measured, with seeds; its eRBP runs in docs/results/pi_mnist are of earlier
           settings, dense and read by counts).
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from erbp_jax.__main__ import guarded
from published import talk

NETWORKS = {"784_100_10": 3, "784_200_10": 3, "784_500_10": 1, "784_200_200_10": 3, "784_500_500_10": 1}
"""Configs, and the seeds of each on a CPU."""
RULES = "erbp,perbp,rbp,bp,bp_spiking"
GPU_SEEDS = 5
CONFIGS = Path(__file__).parents[1] / "configs" / "pi_mnist"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rules", default=RULES, help=f"which, by comma [{RULES}]")
    parser.add_argument("--networks", default=",".join(NETWORKS), help="which, by comma [all]")
    parser.add_argument("--seeds", type=int, help="of every cell [see Hardware]")
    parser.add_argument("--out", type=Path, default=Path("runs") / "pi_mnist_table")
    arguments = parser.parse_args()
    networks = arguments.networks.split(",")
    if unknown := set(networks) - set(NETWORKS):
        parser.error(f"--networks: {', '.join(sorted(unknown))} not known; there are {', '.join(NETWORKS)}")

    import jax

    from erbp_jax.cli import compare
    from erbp_jax.files import write_text

    on_gpu = jax.default_backend() == "gpu"
    if arguments.seeds is not None and arguments.seeds < 1:
        parser.error(f"--seeds: must be at least 1, got {arguments.seeds}")
    for name in networks:
        seeds = arguments.seeds or (GPU_SEEDS if on_gpu else NETWORKS[name])
        compare(CONFIGS / f"{name}.yaml", rules=arguments.rules, seeds=seeds, out=arguments.out / name)
    text = "\n".join(table([json.loads((arguments.out / n / "table.json").read_text()) for n in networks]))
    write_text(arguments.out / "table.md", text + "\n")
    print(text)


def table(results: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Markdown: a row per network, a column per rule; in brackets the talk's figure."""
    names = list(dict.fromkeys(row["name"] for result in results for row in result["rows"]))
    yield "| network | " + " | ".join(names) + " |"
    yield "|" + "---|" * (len(names) + 1)
    for result in results:
        rows = {row["name"]: row for row in result["rows"]}
        figures = (cell(result, rows[name]) if name in rows else "-" for name in names)
        yield f"| {result['network']} | " + " | ".join(figures) + " |"


def cell(result: dict[str, Any], row: dict[str, Any]) -> str:
    spread = "" if row["test_error_std"] is None else f" +- {row['test_error_std']:.2f}"
    known = talk(result["dataset"], result["network"], row["rule"], row["form"])
    return f"{row['test_error']:.2f}{spread}" + ("" if known is None else f" ({known:.2f})")


if __name__ == "__main__":
    guarded(main)
