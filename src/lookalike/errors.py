"""Every error that lookalike raises on purpose.

```
LookalikeError                   exit 1   anything below; also disk full, read-only, no result possible
├── UsageError (ValueError)      exit 2   an argument is wrong: what was given, what is allowed, what to do
│   └── NotFound (LookupError)   exit 2   no item, file or catalog of that name
├── StoreError                   exit 4   the catalog cannot be used as it is
│   ├── CatalogLocked            exit 4   another process writes to it
│   ├── CatalogDamaged           exit 4   a file of it is missing, cut short or changed
│   └── CatalogForeign           exit 4   no catalog, or one of a newer version
├── ModelError                   exit 5   a model or weight file was refused
│   └── ModelMismatch            exit 5   the model is not the one the catalog was made with
├── Interrupted                  exit 130 stopped by Ctrl-C; what was committed is kept
└── Rejected                     (a row)  one input could not be used; never ends a run
```

`code` is a stable short name (`E_...`) for scripts; the message is for people.
"""

from __future__ import annotations

from functools import partial
from typing import Any


class LookalikeError(Exception):
    """Base of all errors raised on purpose. `code` is stable, `exit_code` is what the command line ends with."""

    code = "E_FAILED"
    exit_code = 1

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code


class UsageError(LookalikeError, ValueError):
    """An argument is wrong. The message says what was given, what is allowed and what to do next."""

    code = "E_USAGE"
    exit_code = 2


class NotFound(UsageError, LookupError):
    """No item, file or catalog has that name."""

    code = "E_NOT_FOUND"


class StoreError(LookalikeError):
    """The catalog cannot be used as it is."""

    code = "E_STORE"
    exit_code = 4


class CatalogLocked(StoreError):
    """Another process writes to the catalog."""

    code = "E_LOCKED"


class CatalogDamaged(StoreError):
    """A file of the catalog is missing, cut short or changed."""

    code = "E_DAMAGED"


class CatalogForeign(StoreError):
    """The folder is not a catalog, or one that a newer lookalike wrote."""

    code = "E_FOREIGN"


class ModelError(LookalikeError):
    """A model or its weight file was refused."""

    code = "E_MODEL_INVALID"
    exit_code = 5


class ModelMismatch(ModelError):
    """The model asked for is not the one the catalog was made with."""

    code = "E_MODEL_MISMATCH"


class Interrupted(LookalikeError):
    """Stopped by Ctrl-C. What was committed before is kept, and the same command goes on from there."""

    code = "E_INTERRUPTED"
    exit_code = 130


class Rejected(LookalikeError):
    """One input could not be used. It becomes a row of the failures and never ends a run.

    `stage` is where it happened: `find`, `table`, `read`, `decode` or `embed`.
    """

    code = "E_REJECTED"

    def __init__(self, code: str, detail: str, *, stage: str) -> None:
        super().__init__(detail, code=code)
        self.stage = stage
        self.detail = detail

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions are rebuilt from `args` alone, which would lose the code and the stage between processes.
        return partial(Rejected, stage=self.stage), (self.code, self.detail)
