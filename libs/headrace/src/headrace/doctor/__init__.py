"""`headrace doctor`: facts are gathered area by area, and judged by functions that know nothing but the facts."""
