"""A logistic model whose numbers come from a file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Model:
    """Standardised features times coefficients, through the logistic function."""

    features: tuple[str, ...]
    mean: Numbers
    scale: Numbers
    coefficients: Numbers
    intercept: float
    threshold: float

    @classmethod
    def load(cls, path: Path) -> Model:
        """Read the numbers from JSON."""
        raw = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            features=tuple(raw["features"]),
            mean=np.array(raw["mean"], dtype=np.float64),
            scale=np.array(raw["scale"], dtype=np.float64),
            coefficients=np.array(raw["coefficients"], dtype=np.float64),
            intercept=float(raw["intercept"]),
            threshold=float(raw["threshold"]),
        )

    def scores(self, records: pd.DataFrame) -> Numbers:
        """A score between 0 and 1 for each record."""
        values = records[list(self.features)].to_numpy(dtype=np.float64)
        logits = (values - self.mean) / self.scale @ self.coefficients + self.intercept
        return np.asarray(1.0 / (1.0 + np.exp(-logits)), dtype=np.float64)
