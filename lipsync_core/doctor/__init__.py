"""What works in this installation, what does not, and how to mend it."""

from lipsync_core.doctor.examine import examine
from lipsync_core.doctor.models import models
from lipsync_core.doctor.report import report

__all__ = ["examine", "models", "report"]
