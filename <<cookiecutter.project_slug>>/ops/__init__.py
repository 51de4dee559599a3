"""The operations page, /ops/: what the server does now, from main; what became of tasks, from the database."""
