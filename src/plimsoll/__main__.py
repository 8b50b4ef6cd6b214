"""`python -m plimsoll`: the command line, where the installed command is not on the path."""

from plimsoll.cli import main

if __name__ == "__main__":
    main()
