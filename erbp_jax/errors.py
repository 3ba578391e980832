"""Errors that a user can mend: the CLI prints them without a traceback and exits with 2."""


class UserError(Exception):
    """The user's input is wrong: the message says where, what was given and what is allowed."""


class NonFiniteError(Exception):
    """Training produced a NaN or an infinity: the message says when, where and what is left."""
