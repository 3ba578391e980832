"""What the sections of a config are made of."""

import math
import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from erbp_jax.units import MOST

LARGEST, LEAST = (2.0 - 2.0**-23) * 2.0**127, 2.0**-126
"""The largest float32, and the least that keeps all its bits: what networks compute with."""
FOREVER = 1e9
"""Of a number of epochs that may be a fraction."""

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


def _is_written_as(pattern: re.Pattern[str], what: str) -> BeforeValidator:
    """Numbers, and texts that are decimal numbers; no truth values, none of the other notations of YAML 1.1."""

    def check(value: Any) -> Any:
        if isinstance(value, bool) or (isinstance(value, str) and not pattern.fullmatch(value)):
            notation = ", in decimal digits without leading zeros, `_`, `:` or `0x`" if isinstance(value, str) else ""
            raise PydanticCustomError("number", "must be a valid {what}", {"what": what + notation})
        return value

    return BeforeValidator(check)


def _fits_float32(value: float) -> float:
    if value and not math.isinf(value) and not LEAST <= abs(value) <= LARGEST:
        raise PydanticCustomError("float32", "must be within the range of float32: 0, or 1.2e-38 to 3.4e38 in size")
    return value


def _no_zero(value: str) -> str:
    if "\0" in value:
        raise PydanticCustomError("path", "must be a path, without the character 0")
    return value


Integer = Annotated[int, _is_written_as(_INTEGER, "integer")]
Real = Annotated[float, _is_written_as(_DECIMAL, "number")]
Bound = Annotated[Real, AfterValidator(_fits_float32)]
Finite = Annotated[Bound, Field(allow_inf_nan=False)]
Positive = Annotated[Finite, Field(gt=0)]
NonNegative = Annotated[Finite, Field(ge=0)]
Fraction = Annotated[Real, Field(ge=0, lt=1)]
Probability = Annotated[Real, Field(ge=0, le=1)]
Epochs = Annotated[Positive, Field(le=FOREVER)]
Count = Annotated[Integer, Field(ge=1, le=MOST)]
Whole = Annotated[Integer, Field(ge=0, le=MOST)]
FilePath = Annotated[str, Field(max_length=4096), AfterValidator(_no_zero)]


def listed(value: Any) -> Any:
    """A number or a word is read as a list of one."""
    return (value,) if isinstance(value, (int, float, str)) else value


class Section(BaseModel):
    """A group of keys: frozen, and closed to keys that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")
