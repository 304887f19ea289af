"""Attacks on a running service, each beside a normal producer and a normal viewer, who must not notice. `python -m
siege`."""
