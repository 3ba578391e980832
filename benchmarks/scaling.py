"""How does training speed change with the number of devices, and of processes?

Command: erbp-jax bench scaling [--batch 512] [--repeats 5]

eRBP on 784-500-500-10, 40 ticks, an update every 5: 1, 2 and 4 devices along the batch, along the neurons of the wide
layers, and along seeds (as many seeds as devices); then one and two processes that share a batch. On a CPU the devices
are virtual, and share the cores that there are: ideal is then no loss up to their number. A process of its own for
every row, since the number of devices belongs to the process.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

AXES = ("batch", "neurons", "seeds")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work(json.loads(arguments.worker))
        return
    console, rates = Console(width=100), {}
    table = Table("spread along", "devices", "processes", "samples/s", "/ one device")
    for axis in AXES:
        for devices in (1, 2, 4):
            with console.status(f"{axis}, {devices} devices"):
                rates[axis, devices] = launch({"axis": axis, "devices": devices, "processes": 1}, arguments)
            ratio = rates[axis, devices] / rates[axis, 1]
            table.add_row(axis, str(devices), "1", f"{rates[axis, devices]:,.0f}", f"{ratio:.2f}")
    with console.status("two processes"):
        rate = launch({"axis": "batch", "devices": 2, "processes": 2}, arguments)
    table.add_row("batch", "2", "2", f"{rate:,.0f}", f"{rate / rates['batch', 1]:.2f}")
    from harness import machine

    console.print(machine(), table)


def launch(case: dict, arguments: argparse.Namespace) -> float:
    """Samples/s of a case, from the first of its processes."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        address = f"localhost:{free.getsockname()[1]}"
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "rate.json"
        each = case["devices"] // case["processes"]
        environment = {**os.environ, "JAX_NUM_CPU_DEVICES": str(each)}
        case = {**case, "batch": arguments.batch, "repeats": arguments.repeats, "address": address, "out": str(answer)}
        processes = []
        for number in range(case["processes"]):
            worker = json.dumps({**case, "number": number})
            command = [sys.executable, __file__, "--worker", worker]
            processes.append(subprocess.Popen(command, env=environment))
        if any(process.wait() for process in processes):
            raise RuntimeError(f"scaling: a process failed, {case}")
        return json.loads(answer.read_text())


def work(case: dict) -> None:
    import jax

    if case["processes"] > 1:
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
        jax.distributed.initialize(case["address"], case["processes"], case["number"])

    from harness import take_turns

    from erbp_jax.config import check
    from erbp_jax.training.session import Session

    config = check(
        {
            "data": {"name": "mnist", "train_size": 4 * case["batch"], "test_size": case["batch"]},
            "encoding": {"kind": "regular", "steps": 40, "max_rate": 500},
            "network": {"layers": [784, 500, 500, 10], "neuron": {"tau_mem": 0, "tau_syn": 0.5, "refractory": 0}},
            "rule": {"kind": "erbp", "label_period": 1, "feedback_scale": [80, 10], "output_scale": 0.1},
            "optimizer": {"learning_rate": 1e-6},
            "training": {
                "batch_size": case["batch"],
                "test_batch_size": case["batch"],
                "alignment": False,
                "update_every": 5,
                "seeds": case["devices"] if case["axis"] == "seeds" else 1,
                "mesh": {case["axis"]: case["devices"]},
            },
        },
        "benchmark",
    )
    session = Session(config)
    learner = session.start()
    session.compile(learner)
    times = take_turns({"train": lambda: session.train(learner, 0, 0, 1).params}, case["repeats"])
    if case["number"] == 0:
        Path(case["out"]).write_text(json.dumps(config.training.seeds * case["batch"] / times["train"].median))


if __name__ == "__main__":
    main()
