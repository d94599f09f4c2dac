"""The experiment on CIFAR-10: what distillation and quantization each cost and bring."""
