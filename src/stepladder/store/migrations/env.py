"""What Alembic runs; the connection, already in a transaction, comes from `stepladder.store.schema`."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], render_as_batch=True)
context.run_migrations()
