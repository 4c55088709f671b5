"""What `ms` is and does: `Session`, and one file for each activity."""
