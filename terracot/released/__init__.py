"""The published training form of Terra-CoT: conversations with ``<image>`` tokens, and masks by ``[SEG]``.

``form`` reads and writes single rows, ``export`` makes such a folder of ours, ``entries`` finds the rows in files,
``importing`` makes a folder of ours of them, ``told`` says what its samples look like and checks them.
"""
