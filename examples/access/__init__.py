"""Who may see what: three small applications, one way to log in each."""
