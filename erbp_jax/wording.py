"""Words of messages that depend on numbers."""


def plural(n: int, one: str, many: str | None = None) -> str:
    """A count with its noun.

    Example:
        >>> from erbp_jax.wording import plural
        >>> plural(1, "neuron"), plural(1200, "neuron"), plural(2, "class", "classes")
        ('1 neuron', '1,200 neurons', '2 classes')
    """
    return f"{n:,} {one if n == 1 else many or one + 's'}"
