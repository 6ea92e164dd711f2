"""The outside: HTTP API, metrics, the server's process and the flywheel's, and the only composition root.

Everything that the rooms below need of each other is put together here. It knows how things are opened and shown, and
decides nothing about questions, promises or releases.
"""
