"""The database: tables, every SQL statement, migrations."""
