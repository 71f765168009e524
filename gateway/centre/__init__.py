"""One per district: intake, register, casework, rosters, deliveries."""
