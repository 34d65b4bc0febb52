"""Which models a station runs, and by what."""

from typing import Literal

from pydantic import Field

from monitor.config.base import EngineKind, ModelRole, Settings

__all__ = ["ModelSettings"]


class ModelSettings(Settings):
    """Which bundles are run, and by what."""

    detector: str = Field(default="retinaface", description="Bundle directory, or the name of an installed bundle.")
    classifier: str = Field(
        default="face-actions",
        description="Bundle directory, or the name of an installed bundle: `face-actions` scores facial actions, "
        "`ncnn-demo` is N-CNN trained on synthetic infants.",
    )
    positive_class: str = Field(
        default="pain",
        min_length=1,
        description="What the classifier must recognise; a bundle trained on labels of another word is refused.",
    )
    engine: EngineKind = Field(default="auto", description="What runs the models; `auto`: the fastest that works here.")
    detector_engine: EngineKind | None = Field(
        default=None,
        description="What runs the detector; `engine` when absent. `nicu-monitor tune` measures each model.",
    )
    classifier_engine: EngineKind | None = Field(
        default=None, description="What runs the classifier; `engine` when absent."
    )
    cpu_precision: Literal["fp32", "int8"] = Field(
        default="fp32",
        description="On a CPU; `int8` where `nicu-export verify` passed it. `nicu-monitor tune` measures it.",
    )
    expected_prior: float | None = Field(
        default=None,
        gt=0.0,
        lt=1.0,
        description="Share of pain expected at the bedside; scores are moved from the training share to it. "
        "When absent, scores stay as the classifier gives them.",
    )
    on_missing_engine: Literal["fall_back", "refuse"] = Field(
        default="fall_back", description="What to do when the chosen engine cannot run here."
    )
    batching: Literal["auto", "on", "off"] = Field(
        default="auto",
        description="Whether the workers' requests for a model run together; `auto`: on a GPU, where it pays.",
    )
    crops: Literal["auto", "cpu", "gpu"] = Field(
        default="auto", description="What cuts the squares that models see; `auto`: the GPU where that is cheaper."
    )
    cuda_api: Literal["auto", "pycuda", "cuda-python"] = Field(
        default="auto", description="Library for the GPU's memory; `auto`: cuda-python where it is installed."
    )

    @property
    def engines(self) -> dict[ModelRole, EngineKind]:
        """What runs the model of each role."""
        return {
            "detector": self.detector_engine or self.engine,
            "classifier": self.classifier_engine or self.engine,
        }
