"""What a worker does to a batch of inputs: read, hash, decode, embed. One outcome for every input."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lookalike import images, models
from lookalike.errors import ModelMismatch, Rejected
from lookalike.options import Fit, ImageLimits
from lookalike.records import Bytes, Floats, Input, ModelFacts, Photo

_NONE: Bytes = np.zeros((0, 0, 3), np.uint8)


@dataclass(frozen=True, slots=True)
class Task:
    """An input and the checksum of its bytes when the catalog last saw it (None: never, or to be done anew)."""

    input: Input
    known: str | None = None


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The bytes are those that the catalog knows."""

    input: Input


@dataclass(frozen=True, slots=True)
class Twin:
    """The bytes are those of another photo, which has been or will be embedded."""

    input: Input
    sha256: str


@dataclass(frozen=True, slots=True)
class Embedded:
    """A new vector; the photo's pixels are no longer there."""

    input: Input
    sha256: str
    photo: Photo
    vector: Floats


@dataclass(frozen=True, slots=True)
class Failed:
    """The input cannot be used; `sha256` is None if its bytes could not be read."""

    input: Input
    sha256: str | None
    reason: Rejected


Outcome = Unchanged | Twin | Embedded | Failed


TOGETHER_BYTES = 8 << 20
"""Bytes of photos that are decoded together at most, unless one alone has more."""


class Embedder:
    """Turns batches of tasks into outcomes. Shared by threads; pickled without its model.

    `decoder` turns bytes into photos: in processes of its own, unless told otherwise.

    `contents` are the checksums of photos that the catalog holds already. The same bytes are decoded once: the first
    to come claims them, later ones become a `Twin`; copies in several processes do not know each other's claims. With
    `vectors`, by id, no network is run and every photo has its own.
    """

    def __init__(
        self,
        facts: ModelFacts,
        limits: ImageLimits,
        thumbnail_side: int,
        contents: Mapping[str, str],
        vectors: Mapping[str, Floats] | None = None,
        decoder: images.Decoder | None = None,
    ) -> None:
        self._facts = facts
        self._decoder = decoder
        self._limits = limits
        self._thumbnail_side = thumbnail_side
        self._claimed = dict(contents)
        self._vectors = vectors
        self._lock = threading.Lock()
        self._model: models.Model | None = None

    def __call__(self, batch: Sequence[Task]) -> list[Outcome]:
        """One outcome a task, in order."""
        return self.finish(self.begin(batch))

    def begin(self, batch: Sequence[Task]) -> _Begun:
        """Read a batch; see `engines.Overlapping`."""
        fetched = images.fetch([task.input for task in batch], self._limits)
        return _Begun(_parts(self._read(task, fetched.pop(task.input.id, None)) for task in batch))

    def finish(self, begun: _Begun, following: _Begun | None = None) -> list[Outcome]:
        """The outcomes of a batch; while it goes through the network, what comes next is decoded."""
        found: list[Outcome] = []
        try:
            while True:
                decoding = self._decoding(begun)
                # The first batch comes to its model while the first worker starts.
                model = self._loaded() if self._vectors is None and begun.read else None
                photos = decoding.results()
                part, read = begun.part, begun.read
                more = begun.advance()
                if more or following is not None:
                    self._decoding(begun if more or following is None else following)
                found += self._embedded(part, read, photos, model)
                if not more:
                    return found
        except BaseException:
            self.drop(begun)
            raise

    def drop(self, begun: _Begun) -> None:
        """Let photos be decoded no further."""
        if begun.decoding is not None:
            begun.decoding.end()

    def split(self, batch: Sequence[Task]) -> list[Sequence[Task]]:
        """One batch a photo; see `engines.Divisible`."""
        return [[task] for task in batch]

    def join(self, results: Sequence[list[Outcome]]) -> list[Outcome]:
        """The outcomes of a batch from those of its photos."""
        return [outcome for outcomes in results for outcome in outcomes]

    def lost(self, batch: Sequence[Task], detail: str) -> list[Outcome]:
        """What becomes of photos that no process survives."""
        return [Failed(task.input, None, Rejected("E_WORKER", detail, stage="embed")) for task in batch]

    def _read(self, task: Task, fetched: bytes | Rejected | None) -> Unchanged | Twin | Failed | _Read:
        sha256 = None
        try:
            if isinstance(fetched, Rejected):
                raise fetched
            data = images.read(task.input, self._limits) if fetched is None else fetched
            sha256 = images.content_hash(data)
            if sha256 == task.known:
                return Unchanged(task.input)
            if self._vectors is None and self._claimed.setdefault(sha256, task.input.id) != task.input.id:
                return Twin(task.input, sha256)
            if self._vectors is not None and task.input.id not in self._vectors:
                raise Rejected("E_NO_VECTOR", "the file of --vectors has none for this photo", stage="embed")
        except Rejected as reason:
            return Failed(task.input, sha256, reason)
        return _Read(task.input, sha256, data)

    def _decoding(self, begun: _Begun) -> images.Pending:
        """The decoding of a part, which begins now unless it has."""
        if begun.decoding is None:
            fit = Fit(size=self._facts.size, resize=self._facts.resize)
            decoder, photos = self._decoder or images.WORKERS, [one.data for one in begun.read]
            begun.decoding = decoder.start(photos, fit, self._limits, thumbnail_side=self._thumbnail_side)
        return begun.decoding

    def _embedded(
        self, part: _Part, read: Sequence[_Read], photos: Sequence[Photo | Rejected], model: models.Model | None
    ) -> list[Outcome]:
        seen = [(one, photo) for one, photo in zip(read, photos, strict=True) if isinstance(photo, Photo)]
        if model is None:
            vectors = iter([self._vectors[one.input.id] for one, _ in seen] if self._vectors is not None else [])
        else:
            vectors = iter(model.embed(np.stack([photo.pixels for _, photo in seen])) if seen else [])
        outcomes = iter(
            _embedded(one, photo, next(vectors)) if isinstance(photo, Photo) else Failed(one.input, one.sha256, photo)
            for one, photo in zip(read, photos, strict=True)
        )
        return [next(outcomes) if isinstance(done, _Read) else done for done in part]

    def _loaded(self) -> models.Model:
        with self._lock:
            if self._model is None:
                self._model = load_model(self._facts)
            return self._model

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_lock": None, "_model": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _lock=threading.Lock())


def load_model(facts: ModelFacts) -> models.Model:
    """The model that a catalog was made with; raises `ModelMismatch` if this release has another of that name."""
    model = models.load_known(facts)
    if model.facts.identity != facts.identity:
        raise ModelMismatch(
            f"the catalog was made with {facts.identity}, here {facts.name} is {model.facts.identity}: "
            "their vectors cannot be compared; use the release that made the catalog, or index into a new one"
        )
    return model


@dataclass(frozen=True, slots=True)
class _Read:
    """Bytes that are to be decoded."""

    input: Input
    sha256: str
    data: bytes


_Part = list[Unchanged | Twin | Failed | _Read]


class _Begun:
    """A batch, part by part: `part` is at hand, `read` are those of it that are to be decoded."""

    def __init__(self, parts: Iterator[_Part]) -> None:
        self._parts = parts
        self.part: _Part = []
        self.read: list[_Read] = []
        self.decoding: images.Pending | None = None
        self.advance()

    def advance(self) -> bool:
        """Go on to the next part; False where there is none."""
        part = next(self._parts, None)
        if part is None:
            return False
        self.part, self.read, self.decoding = part, [done for done in part if isinstance(done, _Read)], None
        return True


def _parts(done: Iterator[Unchanged | Twin | Failed | _Read]) -> Iterator[_Part]:
    """Cut where enough bytes have come together, so that a batch of large photos takes no more memory than one."""
    part: _Part = []
    size = 0
    for one in done:
        part.append(one)
        size += len(one.data) if isinstance(one, _Read) else 0
        if size >= TOGETHER_BYTES:
            yield part
            part, size = [], 0
    yield part


def _embedded(read: _Read, photo: Photo, vector: Floats) -> Embedded | Failed:
    if not np.isfinite(vector).all():
        detail = "the model's vector of this photo is not finite: it would make every distance to it meaningless"
        return Failed(read.input, read.sha256, Rejected("E_NOT_FINITE", detail, stage="embed"))
    # the pixels have served: an outcome may be far from where it is written
    return Embedded(read.input, read.sha256, replace(photo, pixels=_NONE), vector)
