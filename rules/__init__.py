"""The words of the field and the judging: pure, standard library only, no I/O, no clock, no chance."""
