"""What an artefact holds, file by file: whose each is, what it weighs, what differs."""
