"""The history checker: sends thousands of identified batches while everything that can fail is made to fail, and
compares what is stored with what was sent."""
