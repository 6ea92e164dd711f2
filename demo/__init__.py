"""The main job on real input: `python3 dev.py demo`.

A real server, a real OpenAI client and real Chinese reviews; the top rung is a file of human labels, priced and
delayed like a commercial model, and the output says so.
"""
