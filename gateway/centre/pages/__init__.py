"""The pages of each role at the centre."""
