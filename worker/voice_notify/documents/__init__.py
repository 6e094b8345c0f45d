"""What programs read: a typed model for each JSON document, made of what the ledger says; no terminal, no Celery."""
