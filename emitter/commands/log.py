"""Log lines that a person can read, on standard error: the commands' own, and the producer's."""

import logging
import sys

import structlog

_STEPS: list[structlog.typing.Processor] = [
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
]


class _Handler(logging.Handler):
    """`sys.stderr` is looked up for each line: a progress bar puts itself in its place."""

    def emit(self, record: logging.LogRecord) -> None:
        """As logging calls it."""
        sys.stderr.write(self.format(record) + "\n")
        sys.stderr.flush()


def configure(level: str) -> None:
    """Logs from `level` up."""
    renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0, sort_keys=False)
    structlog.configure(
        processors=[*_STEPS, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = _Handler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_STEPS, structlog.stdlib.ExtraAdder()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    producer = logging.getLogger("emitter.producer")
    producer.handlers, producer.propagate = [handler], False
    producer.setLevel(level)
