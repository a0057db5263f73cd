"""Instances that start instances: requesting a child, telling its end, taking it along."""
