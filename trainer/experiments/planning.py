"""From a configuration to what is trained: the recipe's fields, changed as the configuration says."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from trainer.crops import Study
from trainer.errors import SettingsError
from trainer.experiments.config import ExperimentConfig, deep_merge, explained
from trainer.models import NetworkPlan, Recipe, recipe
from trainer.models.onnx_features import OnnxFeatures
from trainer.networks import InputContract
from trainer.training import TrainingSettings

if TYPE_CHECKING:
    import torch

__all__ = ["frozen_features", "members_of", "plan_network", "recipe_of", "weights_file"]


_LITE0 = "efficientnet-lite0"


def recipe_of(config: ExperimentConfig) -> Recipe:
    """Return the recipe that a configuration names.

    Raises:
        SettingsError: There is none.
    """
    return recipe(config.model)


def members_of(config: ExperimentConfig) -> int:
    """Return how many networks are trained in each fold."""
    chosen = recipe_of(config)
    return 1 if chosen.kind != "network" else config.members or chosen.members


def frozen_features(config: ExperimentConfig, study: Study) -> OnnxFeatures | None:
    """Return the frozen features that a configuration's recipe works on; None for every other recipe.

    Raises:
        SettingsError: No ONNX file is named, or the contract is wrong.
        CheckpointError: The file cannot be read or run.
    """
    if recipe_of(config).kind != "onnx":
        return None
    if config.weights is None:
        raise SettingsError(f"{config.model} needs an ONNX file: --set weights=FILE.onnx")
    return OnnxFeatures(config.weights, study, config.contract)


def plan_network(config: ExperimentConfig) -> NetworkPlan:
    """Return what is trained, complete and checked.

    Raises:
        SettingsError: A field of the network, the input or the training is unknown or wrong.
        CheckpointError: The pre-trained weights cannot be read or do not fit.
    """
    chosen = recipe_of(config)
    from trainer.networks import architectures

    architecture = architectures()[chosen.architecture]
    network = deep_merge(dict(chosen.network), config.network)
    architecture.settings(network)
    contract = architecture.contract.model_dump() | dict(chosen.contract) | config.contract
    training = deep_merge(dict(chosen.training), config.training)
    try:
        plan = NetworkPlan(
            architecture=architecture,
            settings=network,
            contract=InputContract.model_validate(contract),
            training=TrainingSettings.model_validate(training),
            augmentation=config.variation(chosen.augmentation),
            expansion=config.protocol.expansion,
            copies=config.copies or chosen.copies,
            epoch_pictures=None if config.copies else chosen.epoch_pictures,
            balance_data_sets=config.balance_data_sets,
            initial_state=_initial_state(config, chosen, network, contract),
        )
    except ValidationError as error:
        raise SettingsError(f"model {config.model!r}, {error.title}: {'; '.join(explained(error))}") from error
    return plan


def _initial_state(
    config: ExperimentConfig, chosen: Recipe, network: dict[str, Any], contract: dict[str, Any]
) -> "dict[str, torch.Tensor] | None":
    """Return the weights that training starts from; the head's come from the run's seed."""
    path = weights_file(config)
    if path is None:
        return None
    import torch

    from trainer.networks import TrunkNetwork, architectures, load_trunk_weights

    torch.manual_seed(int(config.training.get("seed", 0)))
    built = architectures()[chosen.architecture].create(network)
    if not isinstance(built, TrunkNetwork):
        raise SettingsError(
            f"weights are for a network with a trunk, such as resnet50, not for {chosen.architecture!r}; leave the "
            "field away"
        )
    load_trunk_weights(built, path, InputContract.model_validate(contract))
    return {name: tensor.clone() for name, tensor in built.state_dict().items()}


def weights_file(config: ExperimentConfig) -> Path | None:
    """Return the file of pre-trained weights that a configuration starts from, if any.

    EfficientNet-Lite0 starts from its installed package where no file is named.

    Raises:
        SettingsError: There is no such recipe.
        CheckpointError: The package is not installed, or is not the known one.
    """
    if config.weights is None and recipe_of(config).architecture == _LITE0:
        from trainer.networks import installed_lite0_weights

        return installed_lite0_weights()
    return config.weights
