"""The plumbing every service bolts onto."""
