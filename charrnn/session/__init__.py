"""`Session`, the class behind `ms`, and one file for each activity."""
