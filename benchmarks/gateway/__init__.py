"""The gateway under load: processor time a request, latency it adds, budgets under fire."""
