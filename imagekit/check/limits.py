"""Lambda's and ECR's limits, in bytes unless they say otherwise (`lambda_rules`)."""

from __future__ import annotations

from typing import Final

FAST_MANIFEST_BYTES: Final = 25_400
"""M11: from here on slower."""
MAX_MANIFEST_CHARACTERS: Final = 4_194_304
"""M12."""
MAX_SETTINGS_BYTES: Final = 16 * 1024
"""M13."""
MAX_TAR_BYTES: Final = 10 * 1024**3
"""T6: all layers, uncompressed."""
MAX_LAYERS: Final = 127
"""T7."""
UNZIPPED_BYTES: Final = 262_144_000
"""Z1: a ZIP with its Lambda layers must be smaller."""
MAX_UPLOAD_BYTES: Final = 52_428_800
"""Z2."""
MAX_HANDLER_CHARACTERS: Final = 128
"""M22, of a ZIP."""
MAX_EXTENSIONS: Final = 10
"""X2: programs in /opt/extensions, all of which register."""
