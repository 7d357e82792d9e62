"""How whatever goes on is kept going: loops that outlive errors, threads of one's own, pace."""
