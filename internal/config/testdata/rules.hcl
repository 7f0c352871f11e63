cluster {
  region = "mars"
}

node {
  caps = ["ec2"]
}

network {
  public_pool = "10.0.0.0/16"
}

limits {
  api_rps   = 100
  api_burst = 50
}

tls {
  key_file = "/nonexistent/key.pem"
}
