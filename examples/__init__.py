"""Applications that show bgtasks at work. Run them from the folder that holds this package."""
