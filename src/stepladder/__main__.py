"""python -m stepladder"""

from stepladder.interaction.cli import main

if __name__ == "__main__":
    main()
