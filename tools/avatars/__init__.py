"""Draws the default avatars: people who do not exist, sculpted, lit and painted by this program."""
