"""The data of the course: rendered signs, CIFAR-100, image folders and batches."""
