"""A media library: scan folders, copy files, and watch both while they run. See README.md."""
