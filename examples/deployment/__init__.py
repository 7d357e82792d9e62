"""An application in many processes: two web nodes and two workers on PostgreSQL behind nginx."""
