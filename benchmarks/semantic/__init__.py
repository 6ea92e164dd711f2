"""How often the semantic cache is right, and that it is never wrong: pairs that must not hit, and pairs that may."""
