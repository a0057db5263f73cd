"""The tables of delivery: how far each projection and the relay have come, and what could not be delivered."""
