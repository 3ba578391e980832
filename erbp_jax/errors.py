"""What the command line says in one message, without a traceback."""


class UserError(Exception):
    """The user's input is wrong: the message says where, what was given and what is allowed. Exit code 2.

    Example:
        >>> import erbp_jax as ej
        >>> try:
        ...     ej.data.load("mnits")
        ... except ej.UserError as error:
        ...     print(str(error).splitlines()[0][:32])
        data.name: 'mnits' is neither di
    """


class NonFiniteError(Exception):
    """Training produced a NaN or an infinity: the message states when, where, and the last good state. Exit code 1.

    Example:
        >>> import erbp_jax as ej
        >>> data = ej.data.load("digits").subset(100, 20)
        >>> try:
        ...     ej.fit(ej.mlp(64, 10), ej.BackProp(), data, epochs=2, learning_rate=1e38, progress=False)
        ... except ej.NonFiniteError as error:
        ...     print("became NaN or infinite" in str(error))
        True
    """


class StoppedError(Exception):
    """Ctrl-C after work has begun: the message says how to resume. Exit code 130."""
