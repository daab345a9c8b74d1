"""Reports over the interval history: figures of any range by group, as tables and as a page that needs no network."""
