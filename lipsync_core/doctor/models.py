"""Which lip-sync models are ready."""

from typing import Any

from lipsync_core.errors import LipsyncError

from .attempt import INSTALL_ANEW, reason


def models() -> list[dict[str, Any]]:
    """Name, licence and readiness of each model, the default one first; each is loaded to find out."""
    from lipsync_core.models import make_model, model_names

    listed = []
    for name in model_names():
        entry = {"name": name, "ready": True, "licence": "", "commercial_use": None, "how_to_get": ""}
        try:
            model = make_model(name)
            entry |= {"licence": model.licence, "commercial_use": model.commercial}
        except LipsyncError as error:
            entry |= {"ready": False, "how_to_get": str(error)}
        except Exception as error:  # a damaged package or file raises anything, and the other models still count
            entry |= {
                "ready": False,
                "how_to_get": f"The model {name} cannot be loaded ({reason(error)}); {INSTALL_ANEW}.",
            }
        listed.append(entry)
    return listed
