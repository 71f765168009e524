"""The gate console, served on the compound network with or without the centre."""
