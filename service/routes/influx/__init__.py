"""What clients of InfluxDB write to and ask."""
