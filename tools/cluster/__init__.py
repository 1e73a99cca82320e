"""A real Kubernetes control plane on loopback, with a stand-in for the kubelet; see README.md."""
