"""Two processes, a device each, compute what one computes."""

import socket
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np

PROGRAM = """
import sys
import jax
import numpy as np
jax.config.update("jax_num_cpu_devices", 1)
jax.distributed.initialize(f"localhost:{sys.argv[1]}", num_processes=2, process_id=int(sys.argv[2]))
assert (jax.device_count(), jax.local_device_count()) == (2, 1)
from tests.training.test_devices import trained
params, _, after = trained(seeds=1, devices=2)
weights = [layer["weight"] for layer in params.projections]
np.savez(sys.argv[3], *weights, wrong=after.scores["error"], activity=after.activity)
"""


def test_two_processes_compute_what_one_computes(root: Path, tmp_path: Path):
    from tests.training.test_devices import trained

    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = str(free.getsockname()[1])
    files = [tmp_path / f"{rank}.npz" for rank in range(2)]
    processes = [
        subprocess.Popen([sys.executable, "-c", PROGRAM, port, str(rank), str(file)], cwd=root)
        for rank, file in enumerate(files)
    ]
    params, _, after = trained(seeds=1)
    try:
        assert [process.wait(timeout=240) for process in processes] == [0, 0]
    finally:
        for process in processes:
            process.kill()
    for file in files:
        with np.load(file) as got:
            for name, layer in zip(("arr_0", "arr_1"), jax.device_get(params).projections, strict=True):
                np.testing.assert_allclose(got[name], layer["weight"], rtol=1e-4, atol=1e-5)
            np.testing.assert_allclose(got["activity"].mean(1), after.activity.mean(1), rtol=0.02)
