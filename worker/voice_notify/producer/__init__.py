"""What an application loads: the notify task, bulk submits, results and queries."""
