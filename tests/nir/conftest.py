"""Reference graphs, where they are: beside the folder that ERBP_JAX_DATA names."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data():
    if not os.environ.get("ERBP_JAX_DATA"):
        pytest.skip("ERBP_JAX_DATA names no folder")
    return Path(os.environ["ERBP_JAX_DATA"])


@pytest.fixture(scope="session")
def graphs(data):
    folder = data.parent / "nir"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    return folder


@pytest.fixture(scope="session")
def digits(data):
    folder = data / "nmnist_small"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    return folder
