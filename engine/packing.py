"""Arrays inside MessagePack: dtype, shape and bytes, and nothing that could run code when it is read."""

from typing import Any

import numpy as np

__all__ = ["packed", "unpacked"]


def packed(value: Any) -> Any:
    """What MessagePack has no form for; for `msgspec.msgpack.encode(…, enc_hook=packed)`."""
    if isinstance(value, np.ndarray):
        return {"\0array": value.dtype.str, "shape": value.shape, "data": np.ascontiguousarray(value).tobytes()}
    if isinstance(value, np.integer):
        return int(value)
    raise TypeError(f"{type(value).__name__} has no place in a snapshot")


def unpacked(value: Any) -> Any:
    """What was decoded, with its arrays again."""
    if isinstance(value, dict):
        if "\0array" in value:
            return np.frombuffer(value["data"], np.dtype(value["\0array"])).reshape(value["shape"]).copy()
        return {key: unpacked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [unpacked(item) for item in value] if value and isinstance(value[0], dict) else value
    return value
