"""Bytes under keys; knows nothing of models."""
