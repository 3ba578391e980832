"""The talk's table, for comparison."""

TALK: dict[str, dict[str, float]] = {
    "784-100-10": {"erbp": 3.94, "rbp": 2.74, "bp": 2.19},
    "784-200-10": {"erbp": 3.53, "rbp": 2.15, "bp": 1.81},
    "784-500-10": {"erbp": 2.76, "rbp": 2.08, "bp": 1.80},
    "784-200-200-10": {"erbp": 3.48, "rbp": 2.42, "bp": 1.91},
    "784-500-500-10": {"perbp": 2.02, "rbp": 2.20, "bp": 1.90},
    "784-8c5s2-16c5s2-100-10": {"perbp": 3.80, "rbp": 1.95, "bp": 1.23},
}
"""MNIST test error in percent, by network and rule; of the convolutional one peRBP after 5 epochs. Its rbp and bp are
non-spiking networks on a GPU: the rate form.
Source: E. Neftci, "Event-Driven Random Backpropagation: Enabling Neuromorphic Deep Learning Machines"."""


def talk(dataset: str, network: str, rule: str, form: str) -> float | None:
    """The talk's figure for a network and rule, if it has one for this form (`spiking` or `rate`)."""
    if dataset != "mnist" or form != ("rate" if rule in ("rbp", "bp") else "spiking"):
        return None
    return TALK.get(network, {}).get(rule)
