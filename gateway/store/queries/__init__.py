"""Every SQL statement of the centre, by what it is about. Functions take an open connection; the edge commits."""
