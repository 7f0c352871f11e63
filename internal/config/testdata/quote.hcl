node {
  name = "node1
  az   = "us-east-1a"
}

compute {
  accell = "kvm"
}
