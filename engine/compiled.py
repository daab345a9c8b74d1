"""Plain loops over bytes and rows as machine code, where arrays cannot express them: compiled once, then read from a cache.

The cache lies beside the source, or where NUMBA_CACHE_DIR says, in a folder named by the hash of the engine's source: compiled
functions take in those that they call and the constants that they name, from other files too, so a change in any file that they
import, through others too, makes all of them anew. Where nothing can be written, each process compiles for itself.
"""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from numba import config as numba_config
from numba import njit

__all__ = ["compiled"]

config: Any = numba_config  # Its attributes are made at run time.
Function = TypeVar("Function", bound=Callable[..., Any])


_IMPORTS = re.compile(rb"^from engine\.(\w+) import", re.MULTILINE)


def _folder() -> Path:
    here = Path(__file__).parent
    sources = {path.stem: path.read_bytes() for path in here.glob("*.py")}
    needed = {Path(__file__).stem}
    waiting = [name for name, source in sources.items() if b"\n@compiled\n" in source]
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting += [found.decode() for found in _IMPORTS.findall(sources[name])]
    digest = hashlib.sha256(b"".join(sources[name] for name in sorted(needed))).hexdigest()[:16]
    return Path(config.CACHE_DIR or here / "__pycache__") / digest


config.CACHE_DIR = str(_folder())


def compiled(function: Function) -> Function:
    """The function as machine code for the types it is called with. It may use numbers, arrays and compiled functions only.

    Other threads go on meanwhile, so what it is given belongs to the thread that calls it, or is changed by none.
    """
    try:
        return cast(Function, njit(cache=True, nogil=True)(function))
    except RuntimeError:  # No place for a cache.
        return cast(Function, njit(nogil=True)(function))
