"""Floor 5: what Lambda accepts. Rules over an image or a ZIP that is handed in open."""
