"""The application: station, centre, bus, store and pages."""
