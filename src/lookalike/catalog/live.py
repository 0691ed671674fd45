"""A catalog that others write to while it is looked at: always a whole version, soon the newest."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from typing import Any

from lookalike.catalog.catalog import Catalog
from lookalike.catalog.explore import Explorer
from lookalike.errors import LookalikeError
from lookalike.records import Value

LOOKS_EVERY = 1.0
"""Seconds between two looks for a newer version."""
TRIES_AGAIN = 30.0
"""Seconds until a version that could not be opened is tried again."""
_log = logging.getLogger("lookalike.catalog")


class Live:
    """The explorer of the newest version of a catalog, and the one way to write to it. Safe for many threads.

    `current` answers at once: a newer version is opened and made ready in a thread, and takes the place of the one
    before when it is; that one is kept for pages that were opened on it.
    """

    def __init__(self, catalog: Catalog, *, warm: bool = True) -> None:
        self._catalog = catalog
        self._warm = warm
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._looked = time.monotonic()
        self._loading: threading.Thread | None = None
        self._before: Explorer | None = None
        self._shown = self._opened()

    def current(self) -> Explorer:
        """The newest version that is ready; looks for a newer one now and then."""
        with self._lock:
            now = time.monotonic()
            if self._loading is None and now - self._looked >= LOOKS_EVERY:
                self._looked = now
                if self._catalog.store.newest() != self._shown.version:
                    self._loading = threading.Thread(target=self._load, name="lookalike-reload", daemon=True)
                    self._loading.start()
            return self._shown

    @property
    def is_loading(self) -> bool:
        """Whether a newer version is being made ready."""
        return self._loading is not None

    def settled(self, seconds: float) -> Explorer:
        """As `current`, but a newer version that is being made ready is waited for, `seconds` at most."""
        self.current()
        loading = self._loading
        if loading is not None:
            loading.join(seconds)
        return self._shown

    def at(self, version: str | None) -> Explorer | None:
        """The explorer of a version that is still at hand; None asks for the newest. None: there is no such."""
        shown = self.current()
        before = self._before
        if version is None or version == str(shown.version):
            return shown
        return before if before is not None and version == str(before.version) else None

    def refresh(self) -> None:
        """Show the newest version now: returns when it is there."""
        with self._lock:
            loading, self._looked = self._loading, time.monotonic()
        if loading is not None:
            loading.join()
        if self._catalog.store.newest() != self._shown.version:
            self._load()

    def add(self, photo: bytes, item: str, metadata: Mapping[str, Value] | None = None) -> tuple[bool, int]:
        """As `Catalog.add`, one at a time, and the version that has it."""
        with self._writing:
            return self._catalog.add(photo, item, metadata), self._catalog.store.head.version

    def remove(self, item: str) -> int:
        """Remove one item, and the version that lacks it; raises `NotFound`."""
        with self._writing:
            self._catalog.remove([item])
            return self._catalog.store.head.version

    def _opened(self) -> Explorer:
        explorer = Explorer(self._catalog.reopened(), title=self._catalog.title())
        if self._warm:
            try:
                explorer.warm()
            except LookalikeError as exc:
                _log.info("%s: %s", exc.code, exc)  # whoever asks for it is told
        return explorer

    def _load(self) -> None:
        try:
            newer = self._opened()
        except LookalikeError as exc:
            _log.error("%s: %s", exc.code, exc)
            with self._lock:
                self._loading, self._looked = None, time.monotonic() + TRIES_AGAIN
            return
        with self._lock:
            if newer.version != self._shown.version:
                self._before, self._shown = self._shown, newer
            self._loading = None


def facts(explorer: Explorer) -> dict[str, Any]:
    """What names a catalog beside another: `title`, `model`, `identity` and `version`."""
    return {"title": explorer.title, **{name: explorer.info[name] for name in ("model", "identity", "version")}}
