"""What a device is asked when there is one: correctness, checks by tools, speed, behaviour under faults; and how it is told.

Nothing here needs more than NumPy and, for a CUDA device, CuPy. ``gpu.device_report`` is the command.
"""
