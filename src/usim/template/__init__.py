"""Scene files as data: reading, drawing, naming, finding; nothing here knows what a scene means.

problem     what is wrong, where, and what to do
reader      a YAML file -> Document, a plain table that remembers lines (document, content, scalar)
writer      a table -> YAML text that reads back to the equal table
draws       Document + seed -> Sampled, a table without draws (plan, names, distributions, normal)
override    `--set devices.shelf.unit=7`
streams     one named stream of random numbers for each place
registry    the kinds of a family: the folder is the registry
library     where files named in files are looked up
fields      what parameter models are made of; complaints: what is wrong with one, in words
"""
