"""The tutorials: one command each, which does for real what a user would do step by step.

A tutorial starts real processes, asks through the gateway, and reads what came of it from the store. It knows no way of
getting there that a user has not.
"""
