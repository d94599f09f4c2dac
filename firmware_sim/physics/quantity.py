"""What the physics computes with: one tower's number, or an array with one for each tower and year."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Values: TypeAlias = NDArray[np.float64]
Real: TypeAlias = float | Values
Switch: TypeAlias = bool | NDArray[np.bool_]

DAY_S = 86_400
