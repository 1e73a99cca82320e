"""The driver contract and its drivers.  No models."""
