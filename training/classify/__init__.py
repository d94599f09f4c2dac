"""Image classifiers: the controlled experiment on CIFAR-10, what distillation and quantization bring and cost."""
