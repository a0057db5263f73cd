"""Who may do what, under which key, within which quota, and who did it."""
