"""The errors of a producer. Each is a ProducerError, and has a sentence for people."""


class ProducerError(Exception):
    """The producer can't go on."""

    def __init__(self, detail: str | None = None) -> None:
        self.detail = detail or (type(self).__doc__ or "").strip()
        super().__init__(self.detail)


class BadReading(ProducerError):
    """The service would refuse this reading whenever it is sent; nothing was kept of it."""


class BadToken(ProducerError):
    """The token has characters that no key has."""


class SpoolError(ProducerError):
    """The spool can't be used."""


class SpoolFull(SpoolError):
    """The spool is full."""


class SpoolInUse(SpoolError):
    """Another process has the spool."""


class Rejected(ProducerError):
    """The service wants nothing from this producer (401, 403, 426 and the like); trying again won't help."""


class Unreachable(ProducerError):
    """The service has taken nothing for as long as the producer was told to be patient."""


class Undelivered(ProducerError):
    """The producer was closed before all was acknowledged, and nothing keeps the rest."""
