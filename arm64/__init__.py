"""What x86-64 hides: the device's code, wheels and model on emulated arm64. What it shows and cannot: docs/arm64.md."""
