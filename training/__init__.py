"""How the weights under checkpoints/ are made, from data to file. Not needed to run the program."""
