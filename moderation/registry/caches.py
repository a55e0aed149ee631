"""Caches for functions whose results depend on the installed models."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])

_cached: list[Any] = []


def cached_per_models(function: Function) -> Function:
    """Cache a function's results until `clear` is called, as `functools.cache` does.

    Use it for functions whose result depends on which models are installed or registered.
    """
    cached = functools.cache(function)
    _cached.append(cached)
    return cached  # type: ignore[return-value] # it is called like the function


def clear() -> None:
    """Clear all cached results. Call it when a model is declared or registered."""
    for cached in _cached:
        cached.cache_clear()
