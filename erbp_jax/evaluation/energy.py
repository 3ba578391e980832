"""What an operation costs in joules: models as data, each with its source."""

from dataclasses import dataclass


@dataclass(frozen=True)
class EnergyModel:
    """Picojoules per operation, and the source of the figure. None if the source does not give it."""

    name: str
    synop: float | None  # a spike that crosses a synapse (an accumulate, its weight and its state included on a chip)
    mac: float | None
    access: float | None  # 32 bits from memory
    node: str
    source: str

    def synops(self, count: float) -> float:
        """Microjoules for a number of synaptic operations.

        Raises:
            ValueError: the model has no figure for them.
        """
        if self.synop is None:
            raise ValueError(f"{self.name}: no energy per synaptic operation is known")
        return 1e-6 * self.synop * count

    def macs(self, count: float) -> float:
        """Microjoules for a number of multiply-accumulates.

        Raises:
            ValueError: the model has no figure for them.
        """
        if self.mac is None:
            raise ValueError(f"{self.name}: no energy per multiply-accumulate is known")
        return 1e-6 * self.mac * count


_SURVEY = "survey of neuromorphic processors, PMC10326429, table 3, pJ/SOp as printed"
_HOROWITZ = "Horowitz 2014 (ISSCC), 45 nm, float32: addition 0.9 pJ, multiplication 3.7 pJ, together 4.6 pJ"

MODELS: dict[str, EnergyModel] = {
    model.name: model
    for model in (
        EnergyModel("talk", 20.0, None, None, "not said", "talk, slide on inference: an assumption, nothing measured"),
        EnergyModel("odin", 12.7, None, None, "28 nm", _SURVEY),
        EnergyModel("reckon", 5.3, None, None, "28 nm", _SURVEY),
        EnergyModel("ubrain", 26.0, None, None, "40 nm", _SURVEY),
        EnergyModel("truenorth", 2.5, None, None, "28 nm", f"{_SURVEY}; elsewhere 26 pJ"),
        EnergyModel("tianjic", 1.54, None, None, "28 nm", _SURVEY),
        EnergyModel("neuronflow", 20.0, None, None, "28 nm", _SURVEY),
        EnergyModel("loihi", 23.6, None, None, "14 nm", _SURVEY),
        EnergyModel("spinnaker", 45.0, None, None, "130 nm", f"{_SURVEY}; elsewhere nJ"),
        EnergyModel("spinnaker2", 10.0, None, None, "22 nm", _SURVEY),
        EnergyModel("seneca", 2.8, None, None, "22 nm", _SURVEY),
        EnergyModel("cmos_45nm", 0.9, 4.6, None, "45 nm", f"{_HOROWITZ}; arithmetic alone"),
        EnergyModel(
            "cmos_45nm_sram", 5.9, 9.6, 5.0, "45 nm", f"{_HOROWITZ}; with one 32-bit word from 8 KiB of SRAM, 5 pJ"
        ),
        EnergyModel(
            "cmos_45nm_dram", 640.9, 644.6, 640.0, "45 nm", f"{_HOROWITZ}; with one 32-bit word from DRAM, 640 pJ"
        ),
    )
}
"""By the name that the command line has for them."""
