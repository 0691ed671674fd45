"""The catalog's tables and what holds them together."""

from lookalike.store.base import Append, Change, Computed, Delete, Head, MakeIndex, Replace, Store, Upsert
from lookalike.store.lance_store import LanceStore
from lookalike.store.manifest import MARKER, is_used
from lookalike.store.memory import MemoryStore

__all__ = [
    "MARKER",
    "Append",
    "Change",
    "Computed",
    "Delete",
    "Head",
    "LanceStore",
    "MakeIndex",
    "MemoryStore",
    "Replace",
    "Store",
    "Upsert",
    "is_used",
]
