"""Which device computes, and in which precision."""

from contextlib import AbstractContextManager, nullcontext

import torch

from trainer.errors import SettingsError
from trainer.training.settings import TrainingSettings

__all__ = ["autocast", "loss_scaler", "resolve_device", "resolve_precision"]

_TYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


def resolve_device(name: str) -> torch.device:
    """Return the device that `auto`, `cpu` or `cuda` means here.

    Raises:
        SettingsError: CUDA is asked for and there is none.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise SettingsError("training.device is cuda, but torch finds no CUDA device here; use `auto` or `cpu`")
    return torch.device(name)


def resolve_precision(device: torch.device, precision: str) -> str:
    """Return the precision that `auto` means on a device; any other is returned as it is.

    A processor that multiplies bfloat16 numbers trains N-CNN in less than half of the time that float32 takes. The
    weights stay in float32 everywhere; only the products of a forward and backward pass are rounded.
    """
    if precision != "auto":
        return precision
    if device.type == "cuda":
        return "float16"
    able = torch.cpu.get_capabilities()
    return "bfloat16" if able.get("avx512_bf16") or able.get("amx_bf16") else "float32"


def _number_type(device: torch.device, precision: str) -> torch.dtype | None:
    precision = resolve_precision(device, precision)
    if precision == "float16" and device.type == "cpu":
        raise SettingsError("training.precision float16 needs CUDA; on a CPU use `float32` or `bfloat16`")
    return _TYPES.get(precision)


def autocast(device: torch.device, settings: TrainingSettings) -> AbstractContextManager[object]:
    """Return the context in which forward passes run: mixed precision, or nothing."""
    number_type = _number_type(device, settings.precision)
    return nullcontext() if number_type is None else torch.autocast(device.type, dtype=number_type)


def loss_scaler(device: torch.device, settings: TrainingSettings) -> torch.amp.GradScaler:
    """Return the scaler that keeps float16 gradients from vanishing; it does nothing in other precisions."""
    return torch.amp.GradScaler(device.type, enabled=_number_type(device, settings.precision) is torch.float16)
