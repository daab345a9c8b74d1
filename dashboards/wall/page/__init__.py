"""The page itself: HTML, looks and ES modules, served as they lie here without a build step."""
