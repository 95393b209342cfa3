"""What works in this installation, what does not, and how to mend it."""

from .examine import examine
from .models import models
from .report import report

__all__ = ["examine", "models", "report"]
