"""What each verb of the command line does; light to import, heavy imports wait for the call."""
