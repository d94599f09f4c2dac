"""The sun over one place under a clear sky: pvlib's, offline, with its own table of turbidity."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from types import ModuleType

import numpy as np

from edge.errors import MissingExtraError
from firmware_sim.physics.place import Place
from firmware_sim.physics.quantity import Values


@dataclass(frozen=True, slots=True)
class Sky:
    """The sun at N moments, without a cloud.

    Attributes:
        times_s: (N,) Unix times, rising.
        zenith_deg: (N,) of the sun as it is seen, above 90 when it is down.
        azimuth_deg: (N,) of the sun, from north over east.
        global_w_m2: (N,) on level ground.
        beam_w_m2: (N,) on a plane that faces the sun.
    """

    times_s: Values
    zenith_deg: Values
    azimuth_deg: Values
    global_w_m2: Values
    beam_w_m2: Values


def clear_sky(place: Place, times_s: Values) -> Sky:
    """Return the sun at a place.

    Args:
        place: whose turbidity is looked up for each month.
        times_s: (N,) Unix times.

    Raises:
        MissingExtraError: pvlib is not installed.

    Source: pvlib; sun by NREL's SPA, clear sky by Ineichen and Perez 2002, turbidity from the table
    in pvlib's wheel (SoDa).
    """
    pvlib, pandas = _load()
    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):  # the sun at the horizon
        warnings.simplefilter("ignore", DeprecationWarning)  # pvlib asks pandas for old names
        index = pandas.to_datetime(np.round(times_s * 1000).astype(np.int64), unit="ms", utc=True)
        latitude, longitude, altitude_m = place.latitude_deg, place.longitude_deg, place.altitude_m
        sun = pvlib.solarposition.get_solarposition(index, latitude, longitude, altitude=altitude_m)
        zenith_deg = sun["apparent_zenith"].to_numpy(dtype=np.float64)
        turbidity = pvlib.clearsky.lookup_linke_turbidity(index, latitude, longitude).to_numpy()
        pressure_pa = pvlib.atmosphere.alt2pres(altitude_m)
        mass = pvlib.atmosphere.get_relative_airmass(zenith_deg)
        clear = pvlib.clearsky.ineichen(
            zenith_deg,
            pvlib.atmosphere.get_absolute_airmass(mass, pressure_pa),
            turbidity,
            altitude=altitude_m,
            dni_extra=np.asarray(pvlib.irradiance.get_extra_radiation(index), dtype=np.float64),
        )
    return Sky(
        np.asarray(times_s, dtype=np.float64),
        zenith_deg,
        sun["azimuth"].to_numpy(dtype=np.float64),
        np.nan_to_num(np.asarray(clear["ghi"], dtype=np.float64)),
        np.nan_to_num(np.asarray(clear["dni"], dtype=np.float64)),
    )


def _load() -> tuple[ModuleType, ModuleType]:
    """Import pvlib, which takes a second, and what it brings."""
    try:
        import pandas as pd  # noqa: PLC0415 — of the extra sim
        import pvlib  # noqa: PLC0415 — of the extra sim
    except ImportError as error:
        raise MissingExtraError("the sun of firetower sim", "sim") from error
    return pvlib, pd
