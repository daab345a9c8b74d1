"""Calendars from outside: public holidays with their make-up working days, and iCalendar feeds, as days that hours take.

Never fetches anything, and never guesses in silence: what a source does not know stands in the notes of its days.
"""
