"""The one exception whose message is written for the person at the keyboard."""


class LipsyncError(Exception):
    """Input or set-up that cannot be used.

    The message is one sentence that names the input, says what is wrong with it and what to do.
    Callers show it as it is; anything else that is raised is a defect of the program.
    """
