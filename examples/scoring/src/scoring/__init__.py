"""Scores payments with a small logistic model."""
