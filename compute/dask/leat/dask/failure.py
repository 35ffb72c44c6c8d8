"""How a job, or the driver, ends without a result."""

from __future__ import annotations

DIED, NO_CLUSTER, MISFIT, HOST_ERROR, CANCELLED, OUT_OF_MEMORY = 1, 2, 3, 4, 5, 6  # of FAILED


class Failure(Exception):
    """Ends a job, or the driver."""

    def __init__(self, kind, message, hint=""):
        super().__init__(message)
        self.kind, self.hint = kind, hint


class LeatError(Exception):
    """A worker's ERROR frame, to be handed on as it is."""


class Gone(Exception):
    """Leat closed the standard input."""
