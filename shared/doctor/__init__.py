"""`python -m shared.doctor`: looks at a deployment from where it runs, and says what to fix.

It reads the environment as API and worker do, so it is run where they run. All that it writes are
four keys of its own, which it removes.
"""
