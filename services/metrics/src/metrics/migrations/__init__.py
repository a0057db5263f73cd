"""The tables of the metrics read model, up and down."""
