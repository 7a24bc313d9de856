"""Value objects: names, versions, events, gates. Pure: no clock, no files, no storage."""
