"""From the finished steps of CIFAR-10 to result file, page and plots."""
