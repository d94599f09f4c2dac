"""What is searched; known without torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from optuna import Trial

Arm: TypeAlias = Literal["labels", "distilled", "ablation"]
ARMS: tuple[Arm, ...] = ("labels", "distilled", "ablation")
WITHOUT: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "nothing": frozenset(),
        "planted fires": frozenset({"planted"}),
        "weather": frozenset({"weather"}),
        "planted fires and weather": frozenset({"planted", "weather"}),
        "context": frozenset({"context"}),
    }
)
"""What an ablation leaves out: sources of the pool, or the head's context."""
Value: TypeAlias = bool | int | float | str
Parameters: TypeAlias = dict[str, Value]

SIZES: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {"projected": (32, 48, 64, 96), "width": (48, 64, 96, 128), "depth": (1, 2, 3), "kernel": (3, 5, 7)}
)
PLAIN = (False, True)
TEMPERATURES, ALPHAS = (1.0, 2.0, 4.0, 8.0), (0.3, 0.95)
LEARNING_RATES, WEIGHT_DECAYS = (1e-3, 1e-2), (1e-3, 1e-1)
TODAY: Mapping[str, int | bool] = MappingProxyType(
    {"projected": 64, "width": 96, "depth": 2, "kernel": 5, "plain": False}
)
"""The design that the search starts from."""
TODAY_OF_ARM: Mapping[Arm, Mapping[str, float]] = MappingProxyType(
    {
        "labels": {"learning_rate": 3e-3, "weight_decay": 1e-2},
        "distilled": {"temperature": 2.0, "alpha": 0.7},
    }
)


def suggest(trial: Trial, backbones: Sequence[str], arm: Arm | None) -> Parameters:
    """Choose a trial's parameters.

    Args:
        trial: asked for.
        backbones: to choose from.
        arm: whose own parameters are searched; None searches the architecture.
    """
    if arm == "distilled":
        return {
            "temperature": trial.suggest_categorical("temperature", TEMPERATURES),
            "alpha": trial.suggest_float("alpha", *ALPHAS),
        }
    if arm == "labels":
        return {
            "learning_rate": trial.suggest_float("learning_rate", *LEARNING_RATES, log=True),
            "weight_decay": trial.suggest_float("weight_decay", *WEIGHT_DECAYS, log=True),
        }
    if arm == "ablation":
        return {"without": trial.suggest_categorical("without", tuple(WITHOUT))}
    chosen: Parameters = {"backbone": trial.suggest_categorical("backbone", backbones)}
    for name, values in SIZES.items():
        chosen[name] = trial.suggest_categorical(name, values)
    return chosen | {"plain": trial.suggest_categorical("plain", PLAIN)}


def first(backbones: Sequence[str], arm: Arm | None) -> list[tuple[Parameters, int]]:
    """Return what is tried first, with its seed: today's design, of the first backbone with a second seed too.

    An ablation is nothing else.
    """
    if arm == "ablation":
        parts: list[Parameters] = [{"without": name} for name in (*WITHOUT, "nothing")]
        return [(part, int(number == len(WITHOUT))) for number, part in enumerate(parts)]
    if arm is not None:
        return [(dict(TODAY_OF_ARM[arm]), 0)]
    designs: list[Parameters] = [{"backbone": name, **TODAY} for name in backbones]
    return [(designs[0], 0), (designs[0], 1), *((design, 0) for design in designs[1:])]
