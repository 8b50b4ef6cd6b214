"""The venues' rules. One folder a venue product, found by listing this folder; nothing is registered.

In each folder `formulas.py` and `procedure.py` are written in the rule language (DESIGN: one text for Decimal and
compiled float); `people.py` is plain Python for names, codes, printed prices and refusals; `__init__.py` is the interface.
"""
