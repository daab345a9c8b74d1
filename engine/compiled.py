"""Plain loops over bytes and rows as machine code, where arrays cannot express them: compiled once, then read from a cache.

The cache lies beside the source, or where NUMBA_CACHE_DIR says, in a folder named by the hash of the engine's source: compiled
functions take in those that they call and the constants that they name, from other files too, so a change in any file makes all
of them anew. Where nothing can be written, each process compiles for itself.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from numba import config as numba_config
from numba import njit

__all__ = ["compiled"]

config: Any = numba_config  # Its attributes are made at run time.
Function = TypeVar("Function", bound=Callable[..., Any])


def _folder() -> Path:
    here = Path(__file__).parent
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(here.glob("*.py")))).hexdigest()[:16]
    return Path(config.CACHE_DIR or here / "__pycache__") / digest


config.CACHE_DIR = str(_folder())


def compiled(function: Function) -> Function:
    """The function as machine code for the types it is called with. It may use numbers, arrays and compiled functions only."""
    try:
        return cast(Function, njit(cache=True)(function))
    except RuntimeError:  # No place for a cache.
        return cast(Function, njit(function))
