"""Shared bases: found, made, published, compared with what registries have."""
