"""A stand-in for kubelets: it runs pods as status, answers for their logs and measures them."""
