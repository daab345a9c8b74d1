"""Plain loops over bytes and keys as machine code, where arrays cannot express them: compiled once, then read from a cache.

The cache lies beside the source, or where NUMBA_CACHE_DIR says. Where neither can be written, each process compiles anew.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

__all__ = ["compiled"]

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """The function as machine code for the types it is called with. It may use numbers, arrays and compiled functions only."""
    try:
        return cast(Function, njit(cache=True)(function))
    except RuntimeError:  # No place for a cache.
        return cast(Function, njit(function))
