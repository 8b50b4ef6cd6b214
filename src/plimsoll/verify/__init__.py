"""`plimsoll verify`: published and independently computed numbers against ours. `cases` reads, `evaluate` compares."""
