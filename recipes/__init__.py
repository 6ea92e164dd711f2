"""How files that ship with Stepladder were made, so that anybody can make them again."""
