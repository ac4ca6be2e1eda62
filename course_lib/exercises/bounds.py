"""Between which values a result must lie: bounds for the property `in_range`."""

import torch
from torch import Tensor

from course_lib.exercises.trials import Trial


def zero_to_one(trial: Trial) -> tuple[Tensor, Tensor]:
    """Bounds of a gate, a map after the sigmoid, a share."""
    return torch.tensor(0.0), torch.tensor(1.0)


def minus_to_plus_x(trial: Trial) -> tuple[Tensor, Tensor]:
    """Gates in (0, 1) can only make values smaller."""
    x = trial.inputs["x"].abs()
    return -x, x


def not_negative(trial: Trial) -> tuple[Tensor, Tensor]:
    """Bounds of a ReLU's output."""
    return torch.tensor(0.0), torch.tensor(torch.inf)
