"""Image classifiers: the controlled experiment on CIFAR-10 that says what distillation and quantization bring and cost."""
