"""The published marts as one page of HTML that needs nothing beside itself."""
