"""tidegate: the front door. Command line, settings, the doctor, the demo site, and the wiring of the rooms below."""
