"""Rows and facts as callers see them."""
