"""Arrays to which nobody counts the references, for compiled loops that hand many of them on.

Compiled code counts the references to an array at every call, with an atomic operation each, which for ten arrays costs more than
what a short function does with them. The law: an uncounted array is used only while whoever was given the counted one still holds
it, so only inside the compiled function that makes it.
"""

from typing import Any

import numba
from numba import extending

from engine.compiled import compiled

__all__ = ["uncounted"]

_numba: Any = numba  # Its names have no types.
_extending: Any = extending
_carray = _numba.carray


def _lies_at(typing_context: Any, address: Any) -> Any:  # pragma: no cover
    """Where int64 lie, from their address: how numba is told to make it."""

    def generated(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return _numba.types.CPointer(_numba.types.int64)(address), generated


_pointer = _extending.intrinsic(_lies_at)


@compiled
def uncounted(array: Any) -> Any:  # pragma: no cover
    """The same int64 array, contiguous as C has it."""
    return _carray(_pointer(array.ctypes.data), array.shape)
