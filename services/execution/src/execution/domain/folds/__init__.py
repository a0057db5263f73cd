"""How each fact changes what is known of an instance, one table for each subject (pure)."""
