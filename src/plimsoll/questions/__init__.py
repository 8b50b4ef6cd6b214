"""The questions traders ask of a rulebook, answered by running a small account through the account machine."""
