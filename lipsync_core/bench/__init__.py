"""How fast the program is on this machine, and how much memory it takes."""
