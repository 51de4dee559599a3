"""Background tasks: Django's task API on a durable queue in the project's database."""
