"""How long a recording is, as far as its header tells."""


def seconds_of(path: str) -> float | None:
    """Length in seconds, or None where it is not known; what is wrong with a file is told when it is played."""
    import av  # here, because only the progress of recordings needs it

    try:
        with open(path, "rb") as file, av.open(file, "r", options={"protocol_whitelist": "none"}) as container:
            return container.duration / av.time_base if container.duration else None
    except (OSError, ValueError, av.error.FFmpegError):
        return None
