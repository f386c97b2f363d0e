"""Report: results in, pictures, sounds and text out. The only place that draws, and the only one that
imports matplotlib, which it does when something is drawn and not before.
"""
