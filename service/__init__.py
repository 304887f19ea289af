"""The Taktline web service: readings in, per-minute charts and pages out."""
