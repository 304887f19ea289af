"""Charts: buckets -> Vega-Lite -> bytes. Pure: no web, no database, so that a worker process can run it."""
