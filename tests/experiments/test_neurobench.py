"""NeuroBench's published check vectors."""

import numpy as np
import pytest

import neurobench


def test_effective_and_dense_operations_of_the_check_vector():
    weight = np.array([[1.3, 0.0, -3.2], [0.0, 1.2, -5.1], [-1.1, 2.7, 0.0]])
    done = neurobench.synaptic_operations([(weight, np.array([[[0.0, 1.3, -1.0]]]))])
    assert done == (9, 4, 0)


def test_accumulates_of_the_spiking_check_vector():
    """20 -> 5, every input spikes in each of 10 steps: 1000 accumulates per sample, for any number of samples."""
    for samples in (1, 7):
        done = neurobench.synaptic_operations([(np.full((5, 20), 0.3), np.ones((samples, 10, 20)))])
        assert done == (1000, 0, 1000)


def test_layers_are_told_apart():
    spikes = np.array([[[1.0, 0.0]], [[1.0, 1.0]]])
    rates = np.array([[[0.5, 0.0, 2.0]], [[0.0, 0.0, 0.0]]])
    weights = np.array([[1.0, 0.0]]), np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]])
    done = neurobench.synaptic_operations([(weights[0], spikes), (weights[1], rates)])
    assert done == (8, 1.5, 1)  # macs: (2 + 1 synapses of 0.5 and 2.0) in one of two samples
    assert neurobench.connection_sparsity(weights) == 0.25
    assert neurobench.activation_sparsity([spikes, rates]) == 0.5
    assert neurobench.footprint(weights) == 64


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="does not fit"):
        neurobench.synaptic_operations([(np.ones((5, 20)), np.ones((1, 10, 19)))])


@pytest.mark.parametrize(
    "empty",
    [
        lambda: neurobench.activation_sparsity([]),
        lambda: neurobench.connection_sparsity([np.zeros((0, 3))]),
        lambda: neurobench.synaptic_operations([(np.ones((2, 3)), np.zeros((0, 5, 3)))]),
    ],
)
def test_shares_of_nothing_are_refused(empty):
    with pytest.raises(ValueError, match="no "):
        empty()
