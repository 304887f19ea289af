"""The addresses that clients of InfluxDB write to and query."""
