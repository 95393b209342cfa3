"""Which lip-sync models work."""

from typing import Any

from lipsync_core.doctor.attempt import INSTALL_ANEW, reason
from lipsync_core.errors import LipsyncError


def models() -> list[dict[str, Any]]:
    """What each model tells of itself, the default one first; each is loaded to find out whether it works."""
    from lipsync_core.models import make_model
    from lipsync_core.models import models as listed

    found = []
    for facts in listed():
        try:
            make_model(facts.name)
            how = ""
        except LipsyncError as error:
            how = str(error)
        except Exception as error:  # a damaged package or file raises anything, and the other models still count
            how = f"The model {facts.name} cannot be loaded ({reason(error)}); {INSTALL_ANEW}."
        found.append(facts.as_dict() | {"ready": not how, "how_to_get": how})
    return found
