"""The study: search temperature, α and the learning rate on the validation split.

Any storage that Optuna knows will do, so several machines can search together. In a database an interrupted trial is
tried again; a journal knows of no interruptions, there another trial takes its place.
"""

from __future__ import annotations

import argparse
import logging
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import optuna
from optuna.storages import journal

from training.cifar10 import experiment, logits, train
from training.cifar10.recipe import Training
from training.cifar10.run import Run, label_runs
from training.cifar10.workshop import Workshop
from training.distill.loop import DivergedError
from training.distill.soft import Taught
from training.step import pyplot
from training.step.provenance import commit, machine
from training.step.step import Step, write_json

logger = logging.getLogger(__name__)

IN_VAIN = 5  # trials in a row that diverge, after which a study ends

HEARTBEAT_S = 60


def handle(options: argparse.Namespace) -> int:
    """Run trials until the study has as many finished ones as asked for; return the exit code."""
    shop, pair = _open(options)
    soft = _teach(shop)
    base = _base(shop, pair, options.epochs)
    study = open_study(
        options, train.step_of(shop, replace(base, taught=Taught(soft, shop.recipe.distillation))).key
    )

    def objective(trial: optuna.Trial) -> float:
        return _try(shop, base, pair, soft, trial)

    def full(study: optuna.Study, _: object) -> None:
        if _finished(study) >= options.trials or _diverging(study):
            study.stop()

    try:
        if _finished(study) < options.trials:
            study.optimize(objective, callbacks=[full], gc_after_trial=True, catch=(DivergedError,))
        if _diverging(study):
            raise ValueError(f"the last {IN_VAIN} trials diverged; lower the recipe's learning rate")
        result = describe(study, shop, pair, base)
    except optuna.exceptions.StorageInternalError as error:
        lost = "lost meanwhile; the same command goes on when it is back"
        raise ValueError(f"--storage {_shown(_address(options))}: {lost}") from error
    if options.result is not None:
        write_json(options.result, result)
    if options.plot is not None:
        plot(study, options.plot)
    print(msgspec.json.encode({"best": result["best"]}).decode())
    return 0


def _open(options: argparse.Namespace) -> tuple[Workshop, str]:
    """Check the options; return the workshop and the pair whose student is trained."""
    if options.trials < 1 or (options.epochs is not None and options.epochs < 1):
        raise ValueError("--trials and --epochs must be 1 or more")
    shop = experiment.open_workshop(options)
    if not len(shop.cifar10.validation):
        raise ValueError(f"recipe {shop.recipe.name}: a study needs validation_images above 0")
    pair = options.pair or next(iter(shop.recipe.pairs))
    if pair not in shop.recipe.pairs:
        raise ValueError(f"--pair {pair}: expected one of {', '.join(shop.recipe.pairs)}")
    if shop.processes.num_processes > 1:
        raise ValueError("a study runs one process; start it on several machines with one --storage instead")
    return shop, pair


def open_study(options: argparse.Namespace, subject: str) -> optuna.Study:
    """Open or begin the study; in a database, a trial whose process died is put back into the queue.

    Args:
        options: of the command.
        subject: digest of what is searched; other images, teachers or epochs are another study.

    Raises:
        ValueError: the storage cannot be opened.
    """
    options.work.mkdir(parents=True, exist_ok=True)
    url = _address(options)
    try:
        storage = _storage(url)
        return optuna.create_study(
            storage=storage,
            study_name=f"{options.name}-{subject[:12]}",
            sampler=optuna.samplers.TPESampler(seed=options.seed, n_startup_trials=5),
            direction="maximize",
            load_if_exists=True,
        )
    except Exception as error:  # whatever the database's driver raises; its text may hold the password
        raise ValueError(f"--storage {_shown(url)}: cannot be opened ({type(error).__name__})") from error


def _address(options: argparse.Namespace) -> str:
    return options.storage or f"sqlite:///{options.work / 'study.sqlite'}"


def _storage(url: str) -> optuna.storages.BaseStorage:
    """Open what Optuna knows: `journal:PATH`, `redis://…`, `grpc://HOST:PORT`, or the address of a database."""
    if url.startswith("journal:"):
        backend = journal.JournalFileBackend(url.removeprefix("journal:"))
        return optuna.storages.JournalStorage(backend)
    if url.startswith(("redis:", "rediss:")):
        return optuna.storages.JournalStorage(journal.JournalRedisBackend(url))
    if url.startswith("grpc:"):
        host, _, port = url.removeprefix("grpc://").partition(":")
        return optuna.storages.GrpcStorageProxy(host=host, port=int(port))
    with warnings.catch_warnings():  # heartbeats are "experimental" since 2021
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.storages.RDBStorage(
            url,
            heartbeat_interval=HEARTBEAT_S,
            heartbeat_stale_trial_callback=optuna.storages.RetryHeartbeatStaleTrialCallback(),
        )


def _shown(url: str) -> str:
    """Return an address without user, password and query."""
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2].partition('?')[0]}"


def _teach(shop: Workshop) -> Step:
    """Extract the logits of those members that have never seen the validation split.

    Raises:
        ValueError: there are none.
    """
    runs = label_runs(shop.recipe)
    unseen = [runs[name] for name in shop.recipe.members if runs[name].split == "training"]
    if not unseen:
        raise ValueError(
            f"recipe {shop.recipe.name}: a study needs a member that is trained on the training split alone"
        )
    return logits.extract(shop, [train.train(shop, one) for one in unseen], "training")


def _finished(study: optuna.Study) -> int:
    return len(study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,)))


def _diverging(study: optuna.Study) -> bool:
    ended = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.FAIL)
    last = study.get_trials(deepcopy=False, states=ended)[-IN_VAIN:]
    return len(last) == IN_VAIN and all(trial.state == optuna.trial.TrialState.FAIL for trial in last)


def _base(shop: Workshop, pair: str, epochs: int | None) -> Run:
    settings = shop.recipe.pairs[pair]
    training = (
        settings.training if epochs is None else msgspec.structs.replace(settings.training, epochs=epochs)
    )
    return Run(f"study-{pair}", settings.network, settings.stem, training, settings.seeds[0])


def _try(shop: Workshop, base: Run, pair: str, soft: Step, trial: optuna.Trial) -> float:
    """Train one student; return its validation accuracy."""
    method = msgspec.structs.replace(
        shop.recipe.distillation,
        temperature=trial.suggest_float("temperature", 1.0, 10.0, log=True),
        alpha=trial.suggest_float("alpha", 0.1, 1.0),
    )
    run = replace(base, training=_with_rate(base.training, trial), taught=Taught(soft, method))
    accuracy: float = train.train(shop, run).step.read()["validation_accuracy"]
    logger.info("trial %d of pair %s: %s", trial.number, pair, accuracy)
    return accuracy


def _with_rate(training: Training, trial: optuna.Trial) -> Training:
    """Try a peak rate, from a quarter to twice the recipe's, of what moves the hidden kernels."""
    name, now = _rate(training)
    rate = trial.suggest_float(name, now / 4, now * 2, log=True)
    if training.muon is None:
        return msgspec.structs.replace(training, learning_rate=rate)
    return msgspec.structs.replace(training, muon=msgspec.structs.replace(training.muon, learning_rate=rate))


def _rate(training: Training) -> tuple[str, float]:
    """Return the recipe's key of the searched rate, and what stands there."""
    if training.muon is None:
        return "learning_rate", training.learning_rate
    return "muon.learning_rate", training.muon.learning_rate


def describe(study: optuna.Study, shop: Workshop, pair: str, base: Run) -> dict[str, Any]:
    """Return every trial, and the best one."""
    done = study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))
    return {
        "schema": "firetower.study/1",
        "commit": commit(),
        "machine": machine(),
        "recipe": shop.recipe.name,
        "pair": pair,
        "training": msgspec.to_builtins(base.training),
        "trials": [
            {
                "number": trial.number,
                "parameters": trial.params,
                "validation_accuracy": trial.value,
                "date": None
                if trial.datetime_complete is None
                else trial.datetime_complete.isoformat(timespec="seconds"),
            }
            for trial in done
        ],
        "best": {"parameters": study.best_params, "validation_accuracy": study.best_value},
    }


def plot(study: optuna.Study, path: Path) -> None:
    """Draw validation accuracy over each searched value."""
    plt = pyplot.load("agg")
    names = list(study.best_params)
    done = study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))
    figure, axes = plt.subplots(1, len(names), figsize=(10, 3.2), sharey=True, layout="constrained")
    for panel, name in zip(axes, names, strict=True):
        panel.scatter([trial.params[name] for trial in done], [100 * (trial.value or 0.0) for trial in done])
        panel.set(xlabel=name)
        panel.grid(alpha=0.3)
    axes[0].set_ylabel("validation accuracy, %")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    plt.close(figure)
